"""Tracking: what anybody may know of a parcel by its number, and what he may know who also knows the phone.

Serials can be counted through, so the public answer for a number that is not on its way yet is the answer for a number
that does not exist. Places and times are told only with the last four digits of the addressee's phone.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from core import throttle
from core.db import session
from core.errors import Forbidden
from core.i18n import _
from logistics import hand_over, numbers, regions, scans
from logistics.moves import ParcelStatus
from logistics.parcels import Parcel
from logistics.scans import Code, TrackingEvent
from logistics.stations import Branch, Station

__all__ = ["Code", "Seen", "Trace", "TrackingEvent", "public_view"]

S = ParcelStatus
LOOKS_A_MINUTE = 30
TAILS_AN_HOUR = 5
COUNTY_DIGITS = 6

WORDS = {
    Code.ACCEPTED: _("已收寄"),
    Code.DEPARTED: _("已发往支局"),
    Code.AT_BRANCH: _("已到达支局"),
    Code.DEPARTED_OUTWARD: _("已发往站点"),
    Code.AT_STATION: _("已到站"),
    Code.OUT_FOR_DELIVERY: _("正在派送"),
    Code.ATTEMPTED: _("派送未成功"),
    Code.DELIVERED: _("已签收"),
    Code.RETURNED: _("已退回"),
}
"""Scans that are told outside; all others are the house's own business."""

ANNOUNCED = "announced"
TO_COLLECT = "to_collect"
ON_THE_ROAD = {
    S.STAGED: "accepted",
    S.LOADED: "accepted",
    S.IN_TRANSIT: "in_transit",
    S.ARRIVED: "in_transit",
    S.FORWARDED: "in_transit",
    S.GOING_BACK: "in_transit",
    S.OUT_FOR_DELIVERY: "out_for_delivery",
    S.DELIVERED: "delivered",
    S.RETURNED: "returned",
}
PUBLIC_WORDS = {
    ANNOUNCED: _("还没有收寄信息"),
    "accepted": _("已收寄"),
    "in_transit": _("运输中"),
    TO_COLLECT: _("已到站点，等收件人来取"),
    "out_for_delivery": _("派送中"),
    "delivered": _("已签收"),
    "returned": _("已退回"),
}


class PhoneTailWrong(Forbidden):
    """These are not the last four digits of the addressee's phone, or there is no such parcel: not told apart."""

    message = _("手机尾号不对，请核对后再试。")


@dataclass(frozen=True)
class Seen:
    """One scan as it is told outside."""

    code: str
    words: str
    place: str
    at: datetime


@dataclass(frozen=True)
class Trace:
    """A parcel as it is told outside: state and counties; scans only to who knows the phone."""

    number: str
    status: str = ANNOUNCED
    origin: str | None = None
    destination: str | None = None
    events: list[Seen] = field(default_factory=list)

    @property
    def words(self) -> str:
        return str(PUBLIC_WORDS[self.status])


def public_view(number: str, *, tail: str | None = None, address: str = "", now: datetime) -> Trace:
    """What may be told to anybody at this network address. Raises NumberWrong, PhoneTailWrong, TooMany.

    Thirty looks a minute an address, five tries of a tail an hour a number.
    """
    asked = numbers.clean(number)
    if not numbers.is_s10(asked):
        raise numbers.NumberWrong(number=asked[:30])
    if address:
        throttle.allow(f"tracking:address:{address}", rate=LOOKS_A_MINUTE, per_s=60, burst=LOOKS_A_MINUTE, now=now)
    if tail is not None:
        rate = TAILS_AN_HOUR
        throttle.allow(f"tracking:tail:{asked}", rate=rate, per_s=3600, burst=rate, now=now, kept=True)
    parcel = session.scalar(select(Parcel).where(Parcel.number == asked))
    knows = tail is not None and hmac.compare_digest(((parcel and parcel.phone_tail) or "").encode(), tail.encode())
    if tail is not None and not knows:
        raise PhoneTailWrong
    if parcel is None or parcel.status not in ON_THE_ROAD:
        return Trace(asked)
    return Trace(
        number=asked,
        status=TO_COLLECT if hand_over.is_waiting(parcel) else ON_THE_ROAD[parcel.status],
        origin=_county_of_origin(parcel),
        destination=_county(parcel.region_code),
        events=events_of(parcel) if knows else [],
    )


def events_of(parcel: Parcel) -> list[Seen]:
    """The scans that are told outside, newest first, with the names of places and no person."""
    told = [scan for scan in scans.of_parcel(parcel.id) if scan.code in WORDS]
    stations = select(Station.id, Station.name).where(Station.id.in_({scan.station_id for scan in told}))
    branches = select(Branch.id, Branch.name).where(Branch.id.in_({scan.branch_id for scan in told}))
    names = dict(session.execute(stations).all()) | dict(session.execute(branches).all())
    return [
        Seen(scan.code.value, str(WORDS[scan.code]), names[scan.station_id or scan.branch_id], scan.occurred_at)
        for scan in reversed(told)
    ]


def _county_of_origin(parcel: Parcel) -> str:
    origin: Station | Branch
    if parcel.station_id:
        origin = session.get_one(Station, parcel.station_id)
    else:
        origin = session.get_one(Branch, parcel.branch_id)
    return _county(origin.region_code)


def _county(region_code: str) -> str:
    return regions.full_name(region_code[:COUNTY_DIGITS])
