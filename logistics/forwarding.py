"""Forwarding: the branch sends a parcel on to the station near its addressee, in a dispatch outward.

A station catches its own village, and of its town those villages that have no station themselves. An address that names
no town catches nowhere: the postman goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select

from core.auth import Who
from core.db import session
from core.errors import Conflict, Malformed
from core.i18n import _
from logistics import branches, dispatch, parcels, stations
from logistics.dispatch import Direction, Dispatch
from logistics.moves import ParcelStatus
from logistics.parcels import Kind, Parcel
from logistics.scans import Code, Place
from logistics.sets import within
from logistics.staff import BranchStaff
from logistics.stations import Station

S = ParcelStatus
TOWN_DIGITS = 9
OFFERED_MAX = 200
"""Parcels that the branch is shown at once; the oldest first."""


class NothingToForward(Malformed):
    """No parcel was named."""

    message = _("还没有选邮件，请先勾上要发的。")


class NotAtBranch(Conflict):
    """Only what was counted in at this branch and waits there can be sent on."""

    message = _("邮件 {number} 现在不在支局等着，不能发到村站。")


class OutsideCatchment(Conflict):
    """The addressee does not live where this station is near."""

    message = _("邮件 {number} 的收件地址不在“{station}”这一片。")


@dataclass
class Offer:
    """A station and what could go to it. `sure` are those that only this station catches."""

    station: Station
    boxes: list[Parcel] = field(default_factory=list)
    sure: set[UUID] = field(default_factory=set)


def catching(region_code: str, places: Sequence[Station]) -> list[Station]:
    """Which of a branch's stations an address belongs to: that of its village, else all of its town."""
    named = len(region_code) >= TOWN_DIGITS
    town = [place for place in places if named and _town(place.region_code) == _town(region_code)]
    return [place for place in town if place.region_code == region_code] or town


def offers(user_id: UUID) -> list[Offer]:
    """What stands at this person's branches and may be sent on, by station; at most two hundred parcels."""
    mine = select(BranchStaff.branch_id).where(BranchStaff.user_id == user_id)
    by_branch: dict[UUID, list[Station]] = {}
    for place in session.scalars(_open_stations().where(Station.branch_id.in_(mine)).order_by(Station.code)):
        by_branch.setdefault(place.branch_id, []).append(place)
    towns = {_town(place.region_code) for places in by_branch.values() for place in places}
    near = func.left(Parcel.region_code, TOWN_DIGITS).in_(towns)
    waiting = _at_branch().where(Parcel.branch_id.in_(by_branch), near).order_by(Parcel.id).limit(OFFERED_MAX)
    found = {place.id: Offer(place) for places in by_branch.values() for place in places}
    for box in session.scalars(waiting):
        places = [p for p in catching(box.region_code, by_branch[box.branch_id]) if _may_go(box, p)]
        for place in places:
            found[place.id].boxes.append(box)
            found[place.id].sure |= {box.id} if len(places) == 1 else set()
    return [offer for offer in found.values() if offer.boxes]


def station_for(station_id: UUID, *, who: Who) -> Station:
    """A station to which the caller may send on: he works for its branch. Raises StationUnknown, BranchUnknown."""
    station = stations.find(station_id, who=who)
    branches.find(station.branch_id, who=who)
    return station


def send_on(station: Station, numbers: Sequence[str], *, by: UUID | None, now: datetime) -> Dispatch:
    """Bag these parcels for a station and close the bag: the station knows what to expect. All or none.

    Raises NothingToForward, NotFound, NotAtBranch, OutsideCatchment.
    """
    if not numbers:
        raise NothingToForward
    named = parcels.by_numbers(
        numbers, select(Parcel).where(Parcel.branch_id == station.branch_id, Parcel.kind == Kind.ORDER)
    )
    ids = [box.id for box in named]
    locked = select(Parcel).where(within(Parcel.id, ids)).order_by(Parcel.id).with_for_update(key_share=True)
    boxes = session.scalars(locked.execution_options(populate_existing=True)).all()
    _check(station, boxes)
    parcels.step(
        ids, S.FORWARDED, Code.FORWARDED, only_from=[S.ARRIVED], by=by, now=now, at=Place(station.branch_id),
        destination_station_id=station.id,
    )  # fmt: skip
    bag = dispatch.open_for(station, direction=Direction.OUTWARD, now=now)
    dispatch.add(bag, boxes, by=by, now=now)
    dispatch.close(bag, by=by, now=now)
    return bag


def _check(station: Station, boxes: Sequence[Parcel]) -> None:
    waiting = _at_branch().where(within(Parcel.id, [box.id for box in boxes]))
    here = set(session.scalars(waiting.with_only_columns(Parcel.id)))
    places = session.scalars(_open_stations().where(Station.branch_id == station.branch_id)).all()
    for box in boxes:
        if box.id not in here:
            raise NotAtBranch(number=box.number)
        if station.id not in {place.id for place in catching(box.region_code, places)}:
            raise OutsideCatchment(number=box.number, station=station.name)


def _at_branch() -> Select[Parcel]:
    """Order boxes that stand at a branch: counted in and not sent on, or sent on and left behind by the van."""
    counted = and_(Parcel.status == S.ARRIVED, Parcel.destination_station_id.is_(None))
    left = and_(Parcel.status == S.FORWARDED, dispatch.unannounced())
    return select(Parcel).where(Parcel.kind == Kind.ORDER, or_(counted, left))


def _may_go(box: Parcel, place: Station) -> bool:
    return box.destination_station_id in {None, place.id}


def _open_stations() -> Select[Station]:
    return select(Station).where(Station.stopped_on.is_(None))


def _town(region_code: str) -> str:
    return region_code[:TOWN_DIGITS]
