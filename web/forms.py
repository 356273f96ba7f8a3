"""Typed figures: 斤 and yuan as people write them, in grams and fen as we keep them."""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from uuid import UUID

from flask import request

from core.errors import Malformed, NotFound
from core.i18n import _
from shop.presale import ShipWindow

JIN_G = 500
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,3})?")


class FigureUnreadable(Malformed):
    """A field wants a number above zero and got something else."""

    message = _("“{typed}”不是能用的数字，请只写数字，比如 29.9。")


class DateUnreadable(Malformed):
    """A field wants a day."""

    message = _("“{typed}”不是日期，请写成 2026-08-14。")


def number(name: str) -> Decimal:
    """A number above zero from a form field; full-width digits and commas are fine. Raises FigureUnreadable."""
    typed = unicodedata.normalize("NFKC", request.form.get(name, "")).strip().replace(",", "")
    if not _NUMBER.fullmatch(typed):
        raise FigureUnreadable(typed=typed[:20])
    value = Decimal(typed)
    if value <= 0:
        raise FigureUnreadable(typed=typed[:20])
    return value


def whole(name: str) -> int:
    """A whole number above zero. Raises FigureUnreadable."""
    value = number(name)
    if value != value.to_integral_value():
        raise FigureUnreadable(typed=str(value))
    return int(value)


def confirmed(name: str) -> bool:
    """Whether this very figure was confirmed; a figure that was changed since is a new one."""
    return bool(given := request.form.get(name, "").strip()) and request.form.get(f"{name}_confirmed", "") == given


def optional_whole(name: str) -> int | None:
    """A whole number above zero, or nothing. Raises FigureUnreadable."""
    return whole(name) if request.form.get(name, "").strip() else None


def grams_of_jin(name: str) -> int:
    """斤 as grams. Raises FigureUnreadable."""
    return int(number(name) * JIN_G)


def fen_of_yuan(name: str) -> int:
    """Yuan as fen; more than two digits behind the point are refused. Raises FigureUnreadable."""
    minor = number(name) * 100
    if minor != minor.to_integral_value():
        raise FigureUnreadable(typed=request.form.get(name, "")[:20])
    return int(minor)


def uuid(text: str) -> UUID:
    """An id that one of our own pages sent back. Raises NotFound."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None


def day(name: str) -> date:
    """A day. Raises DateUnreadable."""
    typed = request.form.get(name, "").strip()
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise DateUnreadable(typed=typed[:20]) from None


def ship_window() -> ShipWindow:
    """The days of a presale, or none. Raises DateUnreadable."""
    first, last = (day(name) if request.form.get(name, "").strip() else None for name in ShipWindow._fields)
    return ShipWindow(first, last)
