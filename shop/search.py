"""Search in Chinese: every word of two characters is found, and found through the index.

A trigram index cannot serve a pattern of two characters and falls back to reading the whole table. So texts are cut
into single characters and pairs of neighbours (bigrams), Latin words and numbers are kept whole, and an array column
under a GIN index holds the pieces: exact, the same on every machine, without a dictionary.
"""

import re
import unicodedata

from sqlalchemy import ColumnElement, Text, cast, false
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from core.bigrams import bigrams

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
QUERY_CHARACTERS_MAX = 64


def tokens(text: str) -> list[str]:
    """What a text can be found by: characters, bigrams and Latin words, sorted, each once.

    >>> tokens("黄桃 VC")
    ['vc', '桃', '黄', '黄桃']
    """
    found: set[str] = set()
    for run in _runs(text):
        found.update([*bigrams(run), *run] if _is_han(run) else [run])
    return sorted(found)


def query_tokens(text: str) -> list[str]:
    """What a found text must all contain: bigrams, a character that stands alone, Latin words."""
    found: set[str] = set()
    for run in _runs(text[:QUERY_CHARACTERS_MAX]):
        found.update(bigrams(run) if _is_han(run) and len(run) > 1 else [run])
    return sorted(found)


def matches(column: InstrumentedAttribute[list[str]], words: str) -> ColumnElement[bool]:
    """The condition that a row is about these words. Words without a letter or character match nothing."""
    wanted = query_tokens(words)
    return column.contains(cast(wanted, ARRAY(Text))) if wanted else false()


def _runs(text: str) -> list[str]:
    """Stretches of Han characters and Latin words: width and case do not matter."""
    return _RUN.findall(unicodedata.normalize("NFKC", text).casefold())


def _is_han(run: str) -> bool:
    return re.match(f"[{HAN}]", run) is not None
