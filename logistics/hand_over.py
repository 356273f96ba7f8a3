"""Hand-over: what waits at a village station for its addressee, given out with proof or sent back to the branch."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_

from core.db import session
from core.errors import Conflict, NotFound
from core.i18n import _, gettext
from core.paging import LIMIT, LIMIT_MAX, Page
from logistics import delivery, numbers, parcels
from logistics.delivery import DeliveryProof, Reason
from logistics.moves import WORDS, ParcelStatus
from logistics.parcels import Kind, Parcel
from logistics.scans import Code, Place, TrackingEvent
from logistics.stations import Station

S = ParcelStatus
AT_HAND = (S.ARRIVED, S.OUT_FOR_DELIVERY)
TAIL = re.compile(r"[0-9]{4}")


class ParcelNotOurs(NotFound):
    """No parcel from or to this station has this number."""

    message = _("没有找到邮件 {number}：号码不对，或者不归本站。")


class ParcelNotHere(Conflict):
    """The parcel is this station's business, but it does not stand on its shelf."""

    message = _("邮件 {number} 不在本站的架子上，现在是“{current}”。")


class AlreadyHandedOver(Conflict):
    """Nothing is handed over twice."""

    message = _("邮件 {number} 已经签收了，不能再交。")


@dataclass(frozen=True)
class Waiting:
    """A parcel on the shelf and since when it stands there."""

    parcel: Parcel
    since: datetime


def is_waiting(parcel: Parcel) -> bool:
    """Whether an order's box stands at a station for its addressee."""
    here = parcel.kind is Kind.ORDER and parcel.destination_station_id is not None
    return here and parcel.status is S.ARRIVED


def counts(station_id: UUID) -> tuple[int, int]:
    """How many parcels wait here for their addressee, and how many for the van back to the branch."""
    query = select(Parcel.status, func.count()).where(_to(station_id), Parcel.status.in_([*AT_HAND, S.GOING_BACK]))
    found = dict(session.execute(query.group_by(Parcel.status)).all())
    return sum(found.get(status, 0) for status in AT_HAND), found.get(S.GOING_BACK, 0)


def shelf(station: Station, *, tail: str = "", after: UUID | None = None, limit: int = LIMIT) -> Page[Waiting]:
    """What waits at a station, longest first, a page at a time; only those with this phone tail, if one is given."""
    since = _since(station)
    query = _on_shelf(station, since)
    if tail:
        query = query.where(Parcel.phone_tail == tail)
    if after is not None:
        last = session.execute(select(since).where(Parcel.id == after)).scalar_one_or_none()
        query = query.where(tuple_(since, Parcel.id) > tuple_(last, after)) if last else query
    bounded = min(max(limit, 1), LIMIT_MAX)
    rows = [Waiting(parcel, moment) for parcel, moment in session.execute(query.limit(bounded + 1))]
    shown = rows[:bounded]
    return Page(shown, str(shown[-1].parcel.id) if len(rows) > bounded else None)


def find(station: Station, number: str) -> Parcel:
    """A parcel from or to this station, wherever it is. Raises ParcelNotOurs."""
    wanted = numbers.clean(number)
    ours = or_(Parcel.station_id == station.id, Parcel.destination_station_id == station.id)
    parcel = session.scalar(select(Parcel).where(Parcel.number == wanted, ours))
    if parcel is None:
        raise ParcelNotOurs(number=wanted[:30])
    return parcel


def check_here(station: Station, parcel: Parcel) -> None:
    """Raises AlreadyHandedOver, ParcelNotHere."""
    if parcel.status is S.DELIVERED:
        raise AlreadyHandedOver(number=parcel.number)
    if parcel.kind is not Kind.ORDER or parcel.destination_station_id != station.id or parcel.status not in AT_HAND:
        raise ParcelNotHere(number=parcel.number, current=gettext(WORDS[parcel.status]))


def hand_over(station: Station, number: str, *, by: UUID, now: datetime, **proof: Any) -> DeliveryProof:
    """Give a parcel to its addressee or whoever takes it for him; `proof` as in `delivery.deliver`.

    Raises ParcelNotOurs, AlreadyHandedOver, ParcelNotHere, CollectorNameMissing.
    """
    parcel = find(station, number)
    check_here(station, parcel)
    return delivery.deliver(parcel, **proof, by=by, now=now)


def send_back(station: Station, number: str, *, reason: Reason, by: UUID, now: datetime) -> Parcel:
    """Nobody collects it: it rides back to the branch with the next van, and the reason stays on its way.

    Raises ParcelNotOurs, AlreadyHandedOver, ParcelNotHere.
    """
    parcel = find(station, number)
    check_here(station, parcel)
    at = Place(station.branch_id, station.id)
    parcels.move(parcel, S.GOING_BACK, Code.ATTEMPTED, by=by, now=now, at=at, note=reason.value)
    return parcel


def _to(station_id: UUID) -> ColumnElement[bool]:
    return (Parcel.destination_station_id == station_id) & (Parcel.kind == Kind.ORDER)


def _since(station: Station) -> Any:
    """When a parcel was last counted in at this station."""
    scan = TrackingEvent.parcel_id == Parcel.id, TrackingEvent.station_id == station.id
    last = select(func.max(TrackingEvent.occurred_at)).where(*scan, TrackingEvent.code == Code.AT_STATION)
    return last.correlate(Parcel).scalar_subquery()


def _on_shelf(station: Station, since: Any) -> Select[Any]:
    here = _to(station.id), Parcel.status.in_(AT_HAND)
    return select(Parcel, since.label("since")).where(*here).order_by(since, Parcel.id)
