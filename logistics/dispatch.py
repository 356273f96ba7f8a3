"""Dispatches: what one place announces to another before it arrives. Closing one is the pre-advice."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, Select, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core.auth import Who
from core.clock import local_day
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, NotFound
from core.i18n import _
from logistics import numbers, stations
from logistics.moves import ParcelStatus
from logistics.parcels import Kind, Parcel
from logistics.scans import Place
from logistics.sets import within
from logistics.stations import Branch, Station

ITEMS_MAX = 20_000


class Direction(StrEnum):
    """Inward from a station to its branch, outward from the branch to a station."""

    INWARD = "inward"
    OUTWARD = "outward"


class DispatchStatus(StrEnum):
    """Open while boxes are added, closed when announced, departed on the van, received when counted."""

    OPEN = "open"
    CLOSED = "closed"
    DEPARTED = "departed"
    RECEIVED = "received"


class ItemState(StrEnum):
    """What became of one announced box."""

    DECLARED = "declared"
    LEFT_BEHIND = "left_behind"
    RECEIVED = "received"
    SETTLED = "settled"
    """Short, and a person has said why."""


class DispatchNotOpen(Conflict):
    """Closed dispatches are announced; nothing is added any more."""

    message = _("总包 {number} 已封发，不能再加。")


class DispatchEmpty(Conflict):
    """An empty dispatch announces nothing."""

    message = _("总包 {number} 里还没有包裹。")


class DispatchFull(Conflict):
    """More boxes than one dispatch holds."""

    message = _("一个总包最多 {most} 件。")


class ParcelNotStaged(Conflict):
    """Only boxes that stand ready here for this way can be added."""

    message = _("包裹 {number} 不在本站待装车，不能加入总包。")


class ParcelInAnotherDispatch(Conflict):
    """One box, one open dispatch."""

    message = _("包裹 {number} 已在另一个总包里。")


class Dispatch(Model):
    """Boxes between one station and its branch, in one direction, under one number."""

    __tablename__ = "dispatches"
    __table_args__ = (
        CheckConstraint(among("direction", Direction), name="direction_known"),
        CheckConstraint(among("status", DispatchStatus), name="status_known"),
        Index("uq_dispatches_open", "station_id", "direction", unique=True, postgresql_where="status = 'open'"),
        Index(None, "branch_id", "status"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"))
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), index=True)
    direction: Mapped[Direction] = mapped_column(one_of(Direction))
    status: Mapped[DispatchStatus] = mapped_column(one_of(DispatchStatus), default=DispatchStatus.OPEN)
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("runs.id"), index=True)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    departed_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    received_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    @property
    def origin(self) -> Place:
        """Where it is made up."""
        return Place(self.branch_id, self.station_id if self.direction is Direction.INWARD else None)

    @property
    def destination(self) -> Place:
        """Where it is counted."""
        return Place(self.branch_id, self.station_id if self.direction is Direction.OUTWARD else None)


class DispatchItem(Model):
    """One announced box. The partial unique index keeps a box in one dispatch at a time."""

    __tablename__ = "dispatch_items"
    __table_args__ = (
        CheckConstraint(among("state", ItemState), name="state_known"),
        Index("uq_dispatch_items_declared", "parcel_id", unique=True, postgresql_where="state = 'declared'"),
        Index(None, "dispatch_id", "state"),
    )

    id: Mapped[Id]
    dispatch_id: Mapped[UUID] = mapped_column(ForeignKey("dispatches.id"))
    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id"), index=True)
    state: Mapped[ItemState] = mapped_column(one_of(ItemState), default=ItemState.DECLARED)
    added_at: Mapped[datetime]
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


def open_for(station: Station, *, direction: Direction = Direction.INWARD, now: datetime) -> Dispatch:
    """The open dispatch of a station in a direction; a new one where there is none."""
    current = select(Dispatch).where(
        Dispatch.station_id == station.id, Dispatch.direction == direction, Dispatch.status == DispatchStatus.OPEN
    )
    known = session.scalar(current)
    if known:
        return known
    branch = session.get_one(Branch, station.branch_id)
    ends = place_code(station), branch.code
    origin, destination = ends if direction is Direction.INWARD else ends[::-1]
    fresh = {
        "id": new_id(now),
        "number": numbers.next_dispatch_number(origin, destination, branch.id, day=local_day(now)),
        "branch_id": branch.id,
        "station_id": station.id,
        "direction": direction,
        "status": DispatchStatus.OPEN,
        "opened_at": now,
    }
    session.execute(insert(Dispatch).values(fresh).on_conflict_do_nothing())
    return session.scalars(current).one()


def place_code(station: Station) -> str:
    """Six characters that stand for a station where posts write a place: the end of its own code."""
    return station.code.replace("-", "")[-6:].rjust(6, "0")


def visible_to(who: Who) -> Select[Dispatch]:
    """Dispatches from or to a station that is this person's business."""
    return select(Dispatch).where(Dispatch.station_id.in_(stations.managed_by(who)))


def lock(dispatch: Dispatch) -> Dispatch:
    """The dispatch, ours alone until the transaction ends, as it is now."""
    fresh = select(Dispatch).where(Dispatch.id == dispatch.id).with_for_update()
    return session.scalars(fresh.execution_options(populate_existing=True)).one()


def add(dispatch: Dispatch, boxes: Sequence[Parcel], *, by: UUID | None, now: datetime) -> int:
    """Announce staged boxes; those already in it are left alone. Returns how many came in.

    Raises DispatchNotOpen, DispatchFull, ParcelNotStaged, ParcelInAnotherDispatch.
    """
    if lock(dispatch).status is not DispatchStatus.OPEN:
        raise DispatchNotOpen(number=dispatch.number)
    wanted = {box.id: box for box in boxes}
    inside = set(session.scalars(select(DispatchItem.parcel_id).where(*_declared(dispatch))))
    if len(inside | wanted.keys()) > ITEMS_MAX:
        raise DispatchFull(most=ITEMS_MAX)
    fresh = [box for box in wanted.values() if box.id not in inside]
    for box in fresh:
        _check_ready(dispatch, box)
    if not fresh:
        return 0
    rows = [
        {"id": new_id(now), "dispatch_id": dispatch.id, "parcel_id": box.id, "state": ItemState.DECLARED,
         "added_at": now, "added_by": by}
        for box in fresh
    ]  # fmt: skip
    written = insert(DispatchItem).on_conflict_do_nothing().returning(DispatchItem.parcel_id)
    taken = set(session.scalars(written, rows))
    for box in fresh:
        if box.id not in taken:
            raise ParcelInAnotherDispatch(number=box.number)
    return len(taken)


def _check_ready(dispatch: Dispatch, box: Parcel) -> None:
    if _waits_for(box, dispatch.direction) != dispatch.station_id:
        raise ParcelNotStaged(number=box.number)


def _waits_for(box: Parcel, direction: Direction) -> UUID | None:
    """The station from or to which this box waits to ride in this direction; None where it does not."""
    match direction, box.status:
        case Direction.INWARD, ParcelStatus.STAGED:
            return box.station_id
        case (Direction.INWARD, ParcelStatus.GOING_BACK) | (
            Direction.OUTWARD,
            ParcelStatus.STAGED | ParcelStatus.FORWARDED,
        ):
            return box.destination_station_id
    return None


def waits_as(dispatch: Dispatch, box: Parcel) -> ParcelStatus:
    """What a box of this dispatch is again when it turns out that it is not aboard."""
    if dispatch.direction is Direction.INWARD:
        return ParcelStatus.GOING_BACK if box.destination_station_id else ParcelStatus.STAGED
    return ParcelStatus.STAGED if box.kind is Kind.GOODS else ParcelStatus.FORWARDED


def ready_inward(station_id: UUID) -> Select[Parcel]:
    """What stands at a station for the next van to the branch: its own boxes, and those that nobody collected."""
    own = (Parcel.station_id == station_id) & (Parcel.status == ParcelStatus.STAGED)
    back = (Parcel.destination_station_id == station_id) & (Parcel.status == ParcelStatus.GOING_BACK)
    return select(Parcel).where(or_(own, back))


def unannounced() -> ColumnElement[bool]:
    """Parcels that no dispatch holds."""
    return ~exists().where(DispatchItem.parcel_id == Parcel.id, DispatchItem.state == ItemState.DECLARED)


def holding(box: Parcel) -> Dispatch:
    """The dispatch that announces this box."""
    held = DispatchItem.parcel_id == box.id, DispatchItem.state == ItemState.DECLARED
    return session.scalars(select(Dispatch).join(DispatchItem).where(*held)).one()


def by_origin(rows: Iterable[Any]) -> dict[Place, list[UUID]]:
    """Ids of boxes by the place where their dispatch was made up, from rows of both."""
    found: dict[Place, list[UUID]] = {}
    for row in rows:
        origin = Place(row.branch_id, row.station_id if row.direction is Direction.INWARD else None)
        found.setdefault(origin, []).append(row.id)
    return found


def _declared(dispatch: Dispatch) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return DispatchItem.dispatch_id == dispatch.id, DispatchItem.state == ItemState.DECLARED


def close(dispatch: Dispatch, *, by: UUID | None, now: datetime) -> None:
    """Announce what is in it. Closing a closed dispatch changes nothing. Raises DispatchEmpty."""
    if lock(dispatch).status is not DispatchStatus.OPEN:
        return
    if not session.scalar(select(func.count()).where(*_declared(dispatch))):
        raise DispatchEmpty(number=dispatch.number)
    dispatch.status = DispatchStatus.CLOSED
    dispatch.closed_at, dispatch.closed_by = now, by
    session.flush()


def take_out(parcel_ids: Sequence[UUID], state: ItemState) -> None:
    """End the announcement of these boxes: they were left behind, or a shortage was explained."""
    declared = within(DispatchItem.parcel_id, parcel_ids), DispatchItem.state == ItemState.DECLARED
    session.execute(
        update(DispatchItem).where(*declared).values(state=state).execution_options(synchronize_session=False)
    )


def manifest(dispatch: Dispatch) -> list[tuple[Parcel, ItemState]]:
    """Every box of a dispatch and what became of it, by number."""
    query = select(Parcel, DispatchItem.state).join(DispatchItem, DispatchItem.parcel_id == Parcel.id)
    rows = session.execute(query.where(DispatchItem.dispatch_id == dispatch.id).order_by(Parcel.number))
    return [(parcel, state) for parcel, state in rows]


def by_number(number: str, among_these: Select[Dispatch] | None = None) -> Dispatch:
    """The dispatch with a number among those that the asker may see. Raises NotFound."""
    query = select(Dispatch) if among_these is None else among_these
    found = session.scalar(query.where(Dispatch.number == numbers.clean(number)))
    if found is None:
        raise NotFound
    return found
