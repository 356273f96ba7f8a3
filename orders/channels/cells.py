"""Cells: what stands in the rows of a platform's file, and why a row may not be taken as it is.

Full-width digits and letters count as plain ones (NFKC). Nothing is guessed: what cannot be read exactly is refused.
"""

import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal

from core.clock import LOCAL
from core.errors import Conflict, Malformed
from core.i18n import _

FEN_MAX = 2**31 - 1
SHOWN_MAX = 40
_AMOUNT = re.compile(r"[¥￥]?(\d{1,9}|\d{1,3}(,\d{3}){1,2})(\.\d{1,6})?元?")
_ORDER_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,39}")
_RUINED = re.compile(r"\d+(\.\d+)?E\+?\d+", re.IGNORECASE)
_SERIAL = re.compile(r"\d{5}(\.\d+)?")
_SERIAL_ORIGIN = datetime(1899, 12, 30)  # noqa: DTZ001  # Excel's day zero; the zone is added to the sum
_USUAL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_TIME_SHAPES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
YEARS = range(2000, 2100)


class RowRejected(Malformed):
    """A row that cannot be read."""


class RowHeld(Conflict):
    """A row that can be read but contradicts itself, or what is known: a person has to look."""


class CellMissing(RowRejected):
    """A cell that every row must have is empty, or the row is too short."""

    message = _("缺少“{column}”。")


class CellsSurplus(RowRejected):
    """More cells than columns: probably a comma inside an amount."""

    message = _("多出 {count} 格，金额里可能有逗号。")


class OrderNumberRuined(RowRejected):
    """A spreadsheet turned the number into 2.0226E+15: the digits are lost."""

    message = _("订单编号“{text}”已被表格软件改坏，请用文本格式重新导出。")


class OrderNumberUnreadable(RowRejected):
    """No order number looks like this."""

    message = _("订单编号“{text}”认不出来。")


class AmountUnreadable(RowRejected):
    """No amount in yuan and fen, not below zero and not beyond all bounds."""

    message = _("“{column}”不是金额：{text}")


class TimeUnreadable(RowRejected):
    """No moment of this century."""

    message = _("“{column}”不是时间：{text}")


def plain(text: str) -> str:
    """A text with its full-width characters made narrow, without spaces around."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def order_number(text: str) -> str:
    """A platform's number of an order; always text. Raises OrderNumberRuined, OrderNumberUnreadable."""
    number = plain(text)
    if _RUINED.fullmatch(number):
        raise OrderNumberRuined(text=number[:SHOWN_MAX])
    if not _ORDER_NUMBER.fullmatch(number):
        raise OrderNumberUnreadable(text=number[:SHOWN_MAX])
    return number


def fen(text: str, column: str) -> int:
    """An amount of yuan in fen, exactly. Raises AmountUnreadable."""
    words = plain(text)
    if _AMOUNT.fullmatch(words):
        exact = Decimal(words.strip("¥￥元").replace(",", "")) * 100
        minor = int(exact)
        if minor == exact and minor <= FEN_MAX:
            return minor
    raise AmountUnreadable(column=column, text=words[:SHOWN_MAX])


def moment(text: str, column: str) -> datetime:
    """A time of the platform, in Shanghai; also as Excel's number of days. Raises TimeUnreadable."""
    words = plain(text).replace("/", "-")
    found = _excel_serial(words) if _SERIAL.fullmatch(words) else _written(words)
    if found is None or found.year not in YEARS:
        raise TimeUnreadable(column=column, text=words[:SHOWN_MAX])
    return found.replace(tzinfo=LOCAL)


def _excel_serial(words: str) -> datetime:
    return _SERIAL_ORIGIN + timedelta(seconds=round(float(words) * 86_400))


def _written(words: str) -> datetime | None:
    if _USUAL.fullmatch(words):
        try:
            return datetime.fromisoformat(words)
        except ValueError:
            return None
    for shape in _TIME_SHAPES:
        try:
            return datetime.strptime(words, shape)  # noqa: DTZ007  # a platform's files give Shanghai time
        except ValueError:
            continue
    return None
