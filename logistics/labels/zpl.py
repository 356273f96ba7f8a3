"""Labels for printers that speak ZPL II, 203 dpi: 800 × 1200 dots, UTF-8, a Chinese font kept in the printer."""

from collections.abc import Sequence

from logistics.labels.content import CARRIER, Content

FONT = "E:SIMSUN.TTF"
"""Where Chinese models of this printer family keep their font; another one is loaded under this name."""
LINE_LETTERS = 26


def render(contents: Sequence[Content]) -> bytes:
    """One ^XA…^XZ block a label."""
    return "".join(_label(content) for content in contents).encode()


def _label(content: Content) -> str:
    return "\n".join(
        [
            "^XA^CI28^PW800^LL1200^LH0,0",
            _text(32, 48, 44, CARRIER),
            _text(560, 56, 32, content.reprint or content.printed_on),
            _text(32, 130, 120, content.sort_words),
            _text(32, 252, 36, content.marker),
            f"^FO80,316^BY3^BCN,144,Y,N,N,A^FD{content.number}^FS",
            _text(32, 540, 40, "收 " + content.recipient),
            *(_text(104, 596 + 42 * i, 34, row) for i, row in enumerate(rows(content.address, 3))),
            *(_text(32, 764 + 36 * i, 30, row) for i, row in enumerate(rows("寄 " + content.sender, 2))),
            *(_text(32, 912 + 38 * i, 32, row) for i, row in enumerate(rows(content.contents, 2, letters=16))),
            _text(32, 1010, 30, content.weights),
            *(_text(32, 1056 + 36 * i, 26, mark) for i, mark in enumerate(content.marks)),
            f"^FO568,940^BQN,2,8^FDMA,{content.number}^FS",
            "^XZ\n",
        ]
    )


def _text(x: int, y: int, height: int, words: str) -> str:
    """A line of text; ^FH lets commands of the language inside the words be written as their bytes."""
    safe = words.replace("_", "_5F").replace("^", "_5E").replace("~", "_7E").replace("\n", " ")
    return f"^FO{x},{y}^A@N,{height},{height},{FONT}^FH^FD{safe}^FS"


def rows(words: str, most: int, *, letters: int = LINE_LETTERS) -> list[str]:
    """Words in rows of so many letters; what is too long ends in an ellipsis."""
    cut = [words[i : i + letters] for i in range(0, len(words), letters)]
    return cut if len(cut) <= most else [*cut[: most - 1], cut[most - 1][:-1] + "…"]
