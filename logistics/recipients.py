"""Recipients: masked for everybody, in clear to the hand that delivers and gives a reason."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core import sealed
from core.db import session
from logistics import regions
from logistics.labels.content import street_only
from logistics.parcels import Parcel
from logistics.stations import Station


@dataclass(frozen=True)
class Recipient:
    """Who gets a parcel and where."""

    name: str
    phone: str
    region: str
    detail: str


def masked(parcel: Parcel) -> Recipient:
    """王**, 138****5678, the street without its door (GB/T 41833). A station is no person and stands in full."""
    region = regions.full_name(parcel.region_code)
    if parcel.name_sealed is None:
        shelf = session.get_one(Station, parcel.destination_station_id)
        return Recipient(shelf.name, "", region, shelf.detail)
    name, phone, detail = (sealed.open_field(parcel, field) for field in ("name", "phone", "detail"))
    return Recipient(sealed.mask_name(name), sealed.mask_phone(phone), region, street_only(detail))


def revealed(parcel: Parcel, *, reason: str, by: UUID, now: datetime) -> Recipient:
    """In clear; who looked and why is kept. Raises ReasonMissing, OpenedTooOften."""
    if parcel.name_sealed is None:
        return masked(parcel)
    name, phone, detail = (
        sealed.reveal(parcel, field, reason=reason, by=by, now=now) for field in ("name", "phone", "detail")
    )
    return Recipient(name, phone, regions.full_name(parcel.region_code), detail)
