"""Bigrams: what a GIN index finds Chinese words of two characters by, which a trigram index cannot."""

import re

_NOT_SAID = re.compile(r"[^\w]")


def bigrams(words: str) -> list[str]:
    """Pairs of neighbouring characters, sorted, each once; signs between them count for nothing.

    >>> bigrams("十八洞村")
    ['八洞', '十八', '洞村']
    """
    said = _NOT_SAID.sub("", words)
    return sorted({said[at : at + 2] for at in range(len(said) - 1)})
