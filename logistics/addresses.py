"""Addresses: a person, a telephone, a region by code and what comes after it. Never one line to be guessed at."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from core.errors import Malformed
from core.i18n import _
from core.schemas import Schema
from core.users import normalise_phone
from logistics import regions

NAME_MAX = 40
DETAIL_MAX = 120
FIELD_MAX = 400
"""Longest text that is looked at; what a person may really write is said by the rules."""
_UNSEEN = {"Cc", "Cf", "Cs"}
_MASKED = re.compile(r"[*＊✱]{2}")


class RecipientMissing(Malformed):
    """A parcel goes to somebody with a name."""

    message = _("请填写收件人姓名，最多 {most} 个字。")


class DetailMissing(Malformed):
    """The region alone does not find a door."""

    message = _("请填写详细地址，最多 {most} 个字。")


class AddressMasked(Malformed):
    """Stars stand where name or address should be: nobody can deliver to that, and nobody guesses it."""

    message = _("姓名和地址不能带星号，请填写完整。")


class AddressIn(Schema):
    """An address as it is typed."""

    name = fields.String(required=True, validate=validate.Length(max=FIELD_MAX))
    phone = fields.String(required=True, validate=validate.Length(max=FIELD_MAX))
    region_code = fields.String(required=True, validate=validate.Length(max=FIELD_MAX))
    detail = fields.String(required=True, validate=validate.Length(max=FIELD_MAX))


@dataclass(frozen=True)
class Address:
    """An address that a parcel can be sent to. `phone` is E.164; `detail` goes on where the region ends."""

    name: str
    phone: str
    region_code: str
    detail: str


def parse(data: Mapping[str, Any]) -> Address:
    """A clean address: unseen signs and doubled spaces gone, the phone in one form, the region not said twice.

    Raises RecipientMissing, PhoneImpossible, RegionMissing, RegionUnknown, RegionTooCoarse, DetailMissing and
    AddressMasked.
    """
    name = _clean(data["name"])
    if not 1 <= len(name) <= NAME_MAX:
        raise RecipientMissing(most=NAME_MAX)
    phone = normalise_phone(data["phone"])
    code = unicodedata.normalize("NFKC", data["region_code"]).strip()
    regions.check_deliverable(code)
    detail = _after_region(_clean(data["detail"]), code)
    if not 1 <= len(detail) <= DETAIL_MAX:
        raise DetailMissing(most=DETAIL_MAX)
    if _MASKED.search(name) or _MASKED.search(detail):
        raise AddressMasked
    return Address(name=name, phone=phone, region_code=code, detail=detail)


def in_one_line(address: Address) -> str:
    """The address as a label says it: region, then detail."""
    return regions.full_name(address.region_code) + address.detail


def _clean(text: str) -> str:
    if text.isprintable():  # nothing unseen, and no space but the plain one
        return " ".join(text.split())
    spaced = re.sub(r"\s", " ", text)
    seen = "".join(sign for sign in spaced if unicodedata.category(sign) not in _UNSEEN)
    return " ".join(seen.split())


def _after_region(detail: str, code: str) -> str:
    """The detail without the names of the divisions that the code already says."""
    rest = detail
    for spot in regions.lineage(code):
        rest = rest.removeprefix(spot.name).lstrip()
    return rest
