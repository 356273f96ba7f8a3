"""Spreadsheets in and out: CSV in the encodings that Chinese platforms write, and XLSX, both bounded.

What comes in is text, cell by cell; meaning is the reader's business. What goes out never becomes a formula.
"""

import csv
import io
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml.common import DefusedXmlException
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import Malformed
from core.i18n import _, render

BYTES_MAX = 20 * 1024 * 1024
UNPACKED_MAX = 64 * 1024 * 1024
ENTRIES_MAX = 100
RATIO_MAX = 100
ROWS_MAX = 200_000
COLUMNS_MAX = 200
CELL_MAX = 32_767
HEADER_WITHIN = 10

FORMULA_STARTS = tuple("=+-@\t\r\0＝＋－＠")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")
Cell = str | int | Decimal | date | datetime | None

if not openpyxl.DEFUSEDXML or openpyxl.LXML:
    # Without it five levels of entities grew to a million characters.
    raise RuntimeError("openpyxl must read through defusedxml: install defusedxml, and do not install lxml beside it")


class SheetUnreadable(Malformed):
    """No CSV or XLSX that we can read; the reason says what to do."""

    message = _("这个表格读不了：{reason}")


class SheetTooLarge(Malformed):
    """Too many bytes, rows, columns, or it unpacks to too much."""

    status = 413
    message = _("表格太大了：文件最多 20 MB、20 万行、200 列。")


@dataclass(frozen=True)
class Row:
    """One line of a table: the row number in the file (from 1), and its cells by column name, as text."""

    number: int
    cells: dict[str, str]
    surplus: tuple[str, ...] = ()
    """Cells with content to the right of the last column of the header."""


@dataclass(frozen=True)
class Table:
    """What a file holds: the encoding (or "xlsx") it was read in, its column names, its rows without the empty ones."""

    encoding: str
    header: list[str]
    rows: list[Row]


def read_rows(data: bytes, filename: str = "", *, known: Collection[str] = ()) -> Table:
    """Read a spreadsheet; its first bytes decide what it is, `filename` only words the refusal.

    The header is the row among the first ten with most of the `known` column names; without such a row, the first that
    is at least half as full as the fullest.
    Raises SheetUnreadable, SheetTooLarge.
    """
    if len(data) > BYTES_MAX:
        raise SheetTooLarge
    if data.startswith(b"\xd0\xcf\x11\xe0") or filename.lower().endswith((".xls", ".xlsm")):
        raise SheetUnreadable(reason=_("请另存为 xlsx 或 csv 再上传。"))
    if data.startswith(b"PK"):
        return _table("xlsx", _xlsx_lines(data), known)
    encoding, text = _decoded(data)
    return _table(encoding, _csv_lines(text), known)


def cell_safe(text: str) -> str:
    """A text that no spreadsheet program takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """CSV as Excel opens it in Chinese: UTF-8 with mark, CRLF (RFC 4180). Numbers stay numbers, text never runs."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for row in chain([header], rows):
        writer.writerow(
            [cell_safe(value) if isinstance(value, str) else "" if value is None else value for value in row]
        )
    return out.getvalue().encode("utf-8-sig", errors="replace")


def to_xlsx(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "1") -> bytes:
    """An Excel file; every text is stored as text, also `=1+1`, order numbers and phones."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", title)[:31])
    for row in chain([header], rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, _FORBIDDEN.sub("", value)[:CELL_MAX] if isinstance(value, str) else value)
            if isinstance(value, str):
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _table(encoding: str, lines: Iterator[tuple[int, list[str]]], known: Collection[str]) -> Table:
    head = list(islice(lines, HEADER_WITHIN))
    if not head:
        raise SheetUnreadable(reason=_("里面没有内容。"))
    best = _header_at([cells for _number, cells in head], set(known))
    header = _unique(head[best][1])
    rows: list[Row] = []
    for number, cells in chain(head[best + 1 :], lines):
        if len(rows) >= ROWS_MAX:
            raise SheetTooLarge
        named = dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))
        rows.append(Row(number, named, tuple(filter(None, cells[len(header) :]))))
    return Table(encoding, header, rows)


def _header_at(lines: list[list[str]], known: set[str]) -> int:
    hits = [len(known & set(cells)) for cells in lines]
    if max(hits):
        return hits.index(max(hits))
    filled = [sum(map(bool, cells)) for cells in lines]
    return next(place for place, count in enumerate(filled) if 2 * count >= max(filled))


def _unique(names: list[str]) -> list[str]:
    """Column names; a second 备注 becomes 备注#2, empty names at the right end fall away."""
    while names and not names[-1]:
        names = names[:-1]
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return made


def _decoded(data: bytes) -> tuple[str, str]:
    """The text and its encoding: a byte order mark, then UTF-16 by its zero bytes, then UTF-8, then GB18030."""
    marked = [encoding for mark, encoding in _BOMS if data.startswith(mark)]
    if not marked and b"\0" in data[:4096]:
        marked = ["utf-16-le" if data[1:4096:2].count(0) > data[0:4096:2].count(0) else "utf-16-be"]
    for encoding in marked or ["utf-8", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding, text
    raise SheetUnreadable(reason=_("文字编码认不出来，请另存为 UTF-8 的 csv。"))


def _csv_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    first = text[:20_000].splitlines()[:HEADER_WITHIN]
    comma = max(",\t;", key=lambda mark: sum(line.count(mark) for line in first))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=comma)
    start = 1
    try:
        for cells in reader:
            number, start = start, reader.line_num + 1
            if len(cells) > COLUMNS_MAX and any(cells[COLUMNS_MAX:]):
                raise SheetTooLarge
            plain = [_plain(cell) for cell in cells[:COLUMNS_MAX]]
            if any(plain):
                yield number, plain
    except csv.Error:
        raise SheetUnreadable(reason=render(_("第 {line} 行的引号没有配对。"), line=start)) from None


def _plain(cell: str) -> str:
    """The content of a cell without the tricks that keep Excel from eating order numbers: a tab, ="…", or our own '."""
    text = cell.strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    if text.startswith("'") and text[1:].startswith(FORMULA_STARTS):
        text = text[1:]
    if len(text) > CELL_MAX:
        raise SheetTooLarge
    return text


def _xlsx_lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        _check_package(data)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the declared size may be wrong and would hide rows
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            if number > ROWS_MAX + HEADER_WITHIN or any(value is not None for value in row[COLUMNS_MAX:]):
                raise SheetTooLarge
            cells = [_shown(value) for value in row[:COLUMNS_MAX]]
            if any(cells):
                yield number, cells
    except (
        zipfile.BadZipFile, InvalidFileException, DefusedXmlException, ParseError,
        KeyError, ValueError, TypeError, IndexError, AttributeError, EOFError, OSError, NotImplementedError,
    ) as trouble:  # what openpyxl raises on packages that are not quite a workbook  # fmt: skip
        raise SheetUnreadable(reason=_("不是完好的 xlsx 文件。")) from trouble


def _check_package(data: bytes) -> None:
    """Refuse bombs and macros by the table of contents.

    The declared sizes can be believed as an upper bound: zipfile stops reading an entry at its declared size and then
    complains about the checksum.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        entries = package.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > ENTRIES_MAX or unpacked > UNPACKED_MAX or unpacked > RATIO_MAX * len(data):
        raise SheetTooLarge
    names = [entry.filename.lower() for entry in entries]
    if any("vbaproject" in name or "externallinks/" in name or "activex" in name for name in names):
        raise SheetUnreadable(reason=_("里面有宏或外部链接，请另存为普通的 xlsx。"))


def _shown(value: object) -> str:
    """A cell as a person sees it: whole numbers without a fraction, times in ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return _plain(str(value))
