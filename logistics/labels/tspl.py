"""Labels for printers that speak TSPL2, 203 dpi, with their built-in simplified Chinese font (GB 18030)."""

from collections.abc import Sequence

from logistics.labels.content import CARRIER, Content
from logistics.labels.zpl import rows

FONT = "TSS24.BF2"
"""The 24 × 24 bitmap font of simplified Chinese that comes with the printers."""


def render(contents: Sequence[Content]) -> bytes:
    """SIZE to PRINT once a label, lines ended as the printers expect."""
    return "".join(_label(content) for content in contents).encode("gb18030", errors="replace")


def _label(content: Content) -> str:
    commands = [
        "SIZE 100 mm,150 mm",
        "GAP 2 mm,0 mm",
        "DIRECTION 1",
        "CLS",
        _text(32, 40, 2, CARRIER),
        _text(560, 48, 1, content.reprint or content.printed_on),
        _text(32, 116, 5, content.sort_words),
        _text(32, 248, 1, content.marker),
        f'BARCODE 140,300,"128",144,1,0,3,6,"{content.number}"',
        _text(32, 528, 2, "收 " + content.recipient),
        *(_text(104, 592 + 36 * i, 1, row) for i, row in enumerate(rows(content.address, 3))),
        *(_text(32, 756 + 36 * i, 1, row) for i, row in enumerate(rows("寄 " + content.sender, 2))),
        *(_text(32, 908 + 36 * i, 1, row) for i, row in enumerate(rows(content.contents, 2, letters=20))),
        _text(32, 1004, 1, content.weights),
        *(_text(32, 1048 + 36 * i, 1, mark) for i, mark in enumerate(content.marks)),
        f'QRCODE 580,940,M,7,A,0,"{content.number}"',
        "PRINT 1,1",
    ]
    return "\r\n".join(commands) + "\r\n"


def _text(x: int, y: int, size: int, words: str) -> str:
    """A line of text, doubled to tenfold in both directions; a quotation mark is written as the language wants it."""
    safe = words.replace('"', '\\["]').replace("\r", " ").replace("\n", " ")
    return f'TEXT {x},{y},"{FONT}",0,{size},{size},"{safe}"'
