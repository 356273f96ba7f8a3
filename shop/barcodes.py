"""Barcodes of goods: EAN-13 with its check digit (GS1 General Specifications, 7.9)."""

import re

from core.errors import Malformed
from core.i18n import _

EAN13 = re.compile(r"[0-9]{13}")


class BarcodeWrong(Malformed):
    """Not thirteen digits, or the last does not fit the twelve before: a slip of the hand, or a sheet that rounded."""

    message = _("条码“{barcode}”不对：要 13 位数字，最后一位是校验码。")


def check_digit(first_twelve: str) -> int:
    """The thirteenth digit: weights 1 and 3 in turn, up to the next ten."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(first_twelve))
    return -total % 10


def parse(text: str) -> str:
    """A barcode as scanned or typed, without spaces. Raises BarcodeWrong."""
    barcode = "".join(text.split())
    if not EAN13.fullmatch(barcode) or check_digit(barcode[:12]) != int(barcode[12]):
        raise BarcodeWrong(barcode=text[:20])
    return barcode
