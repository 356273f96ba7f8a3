"""Labels as PDF, 100 × 150 mm a page, with the Chinese font embedded as far as it is used."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import segno
from pylopdf_fonts_zh_cn import sans_path

from logistics.labels import code128
from logistics.labels.content import CARRIER, Content

if TYPE_CHECKING:
    from fpdf import FPDF

WIDTH_MM, HEIGHT_MM = 100.0, 150.0
MARGIN_MM = 4.0
INSIDE_MM = WIDTH_MM - 2 * MARGIN_MM
MODULE_MM = 0.375
"""Three dots of a 203 dpi printer; ISO 15394 asks for 0.25 mm at least."""
BAR_HEIGHT_MM = 18.0
QR_MODULE_MM = 1.0
FONT = "label"


def render(contents: Sequence[Content]) -> bytes:
    """One document, one page a label."""
    from fpdf import FPDF  # half a second, which a house that starts does not wait for

    sheet = FPDF(unit="mm", format=(WIDTH_MM, HEIGHT_MM))
    sheet.set_auto_page_break(False)
    sheet.set_margin(0)
    sheet.add_font(FONT, fname=sans_path())
    sheet.set_title(" ".join(content.number for content in contents[:3]))
    for content in contents:
        sheet.add_page()
        _draw(sheet, content)
    return bytes(sheet.output())


def _draw(sheet: "FPDF", content: Content) -> None:
    sheet.set_line_width(0.4)
    for y in (14, 36, 64, 94, 112):
        sheet.line(MARGIN_MM, y, WIDTH_MM - MARGIN_MM, y)
    _text(sheet, MARGIN_MM, 10.5, CARRIER, 14)
    _right(sheet, 10.5, content.reprint or content.printed_on, 12 if content.reprint else 8)
    _bold(sheet, 28.5, content.sort_words)
    _text(sheet, MARGIN_MM, 34.5, content.marker, 11)
    _barcode(sheet, 39, content.number)
    _text(sheet, MARGIN_MM, 71, "收", 12)
    _text(sheet, 13, 71, content.recipient, 13)
    _block(sheet, 13, 78, content.address, 11, lines=3)
    _text(sheet, MARGIN_MM, 100, "寄", 12)
    _block(sheet, 13, 100, content.sender, 9, lines=2)
    _block(sheet, MARGIN_MM, 118, content.contents, 10, lines=2, width=58)
    _text(sheet, MARGIN_MM, 129, content.weights, 9)
    for row, mark in enumerate(content.marks):
        _text(sheet, MARGIN_MM, 135 + 4.5 * row, mark, 8)
    _qr(sheet, WIDTH_MM - MARGIN_MM - 29, 116, content.number)
    _right(sheet, 145.5, content.printed_on if content.reprint else "", 8)


def _text(sheet: "FPDF", x: float, y: float, words: str, size: float) -> None:
    if words:
        sheet.set_font(FONT, size=size)
        sheet.text(x, y, words)


def _right(sheet: "FPDF", y: float, words: str, size: float) -> None:
    sheet.set_font(FONT, size=size)
    _text(sheet, WIDTH_MM - MARGIN_MM - sheet.get_string_width(words), y, words, size)


def _bold(sheet: "FPDF", y: float, words: str) -> None:
    """Words as large as the width allows, thickened, since the font has one weight."""
    from fpdf.enums import TextMode

    sheet.set_font(FONT, size=44)
    size = min(44.0, 44.0 * INSIDE_MM / sheet.get_string_width(words))
    with sheet.local_context(text_mode=TextMode.FILL_STROKE, line_width=0.5):
        _text(sheet, MARGIN_MM, y, words, size)


def _block(
    sheet: "FPDF", x: float, y: float, words: str, size: float, *, lines: int, width: float = INSIDE_MM - 9
) -> None:
    """Words broken at the width; what does not fit in the lines ends in an ellipsis rather than over other words."""
    sheet.set_font(FONT, size=size)
    rows = broken(words, width, sheet.get_string_width)
    if len(rows) > lines:
        rows = [*rows[: lines - 1], rows[lines - 1][:-1] + "…"]
    for row, line in enumerate(rows):
        _text(sheet, x, y + row * size * 0.48, line, size)


def broken(words: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Text in lines no wider than `width`; Chinese may break anywhere."""
    rows: list[str] = []
    line = ""
    for letter in words:
        if line and measure(line + letter) > width:
            rows.append(line)
            line = ""
        line += letter
    return [*rows, line]


def _barcode(sheet: "FPDF", y: float, number: str) -> None:
    left = (WIDTH_MM - code128.modules(number) * MODULE_MM) / 2
    for offset, width in code128.bars(number):
        sheet.rect(left + offset * MODULE_MM, y, width * MODULE_MM, BAR_HEIGHT_MM, style="F")
    sheet.set_font(FONT, size=12)
    spaced = f"{number[:2]} {number[2:6]} {number[6:10]} {number[10:]}" if len(number) == 13 else number
    _text(sheet, (WIDTH_MM - sheet.get_string_width(spaced)) / 2, y + BAR_HEIGHT_MM + 5, spaced, 12)


def _qr(sheet: "FPDF", x: float, y: float, number: str) -> None:
    """The number and nothing else: a code that anybody's phone reads must not hold a person."""
    for row, offset, width in qr_runs(number):
        sheet.rect(x + offset * QR_MODULE_MM, y + row * QR_MODULE_MM, width * QR_MODULE_MM, QR_MODULE_MM, style="F")


@lru_cache(maxsize=2048)
def qr_runs(text: str) -> tuple[tuple[int, int, int], ...]:
    """The dark runs of a QR code as (row, offset, width) in modules, the quiet zone of four included."""
    runs: list[tuple[int, int, int]] = []
    for row, cells in enumerate(segno.make(text, error="m", micro=False).matrix):
        start: int | None = None
        for offset, dark in enumerate([*cells, 0]):
            if dark and start is None:
                start = offset
            elif not dark and start is not None:
                runs.append((row + 4, start + 4, offset - start))
                start = None
    return tuple(runs)
