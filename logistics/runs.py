"""Runs: a van, a day, its stops. Boxes are scanned on; what stays behind is said, not forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, UniqueConstraint, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from core.auth import Who
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, Malformed, NotFound
from core.i18n import _
from logistics import acceptance, dispatch, events, numbers, parcels, scans, stations
from logistics.dispatch import Dispatch, DispatchItem, DispatchStatus, ItemState
from logistics.moves import WAITS_FOR_VAN, ParcelStatus
from logistics.parcels import Parcel
from logistics.scans import Code
from logistics.sets import within
from logistics.stations import Branch, Station

S = ParcelStatus
STOPS_MAX = 60
SCANS_MAX = 2_000


class RunStatus(StrEnum):
    """Planned, being loaded, on the road (more may be loaded at later stops), back at the branch."""

    PLANNED = "planned"
    LOADING = "loading"
    DEPARTED = "departed"
    ARRIVED = "arrived"


class RunEnded(Conflict):
    """The van is back: nothing is loaded on this run any more."""

    message = _("车次 {number} 已经到局，不能再装车。")


class StopsImpossible(Malformed):
    """A run has 1 to 60 different stops, all of one branch."""

    message = _("车次要有 1 到 {most} 个不同的站点，都属于同一支局。")


class NotAnnounced(Conflict):
    """A box rides only in a closed dispatch."""

    message = _("包裹 {number} 不在已封发的总包里，不能装车。")


class LeftUnexplained(Malformed):
    """Boxes of a dispatch that is aboard stay behind, and nobody says why."""

    message = _("有 {count} 件没上车，请写明为什么留下。")


class NotOnThisRun(Conflict):
    """The van does not stop there, or the dispatch rides with another one."""

    message = _("包裹 {number} 不走这个车次。")


class Run(Model):
    """One van on one day."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(among("status", RunStatus), name="status_known"),
        Index(None, "branch_id", "day"),
        Index(None, "driver_id", "day"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"))
    driver_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    day: Mapped[date]
    status: Mapped[RunStatus] = mapped_column(one_of(RunStatus), default=RunStatus.PLANNED)
    created_at: Mapped[datetime]
    departed_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]


class RunStop(Model):
    """One station on the way, in order from 1."""

    __tablename__ = "run_stops"
    __table_args__ = (UniqueConstraint("run_id", "position"), UniqueConstraint("run_id", "station_id"))

    id: Mapped[Id]
    run_id: Mapped[UUID] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), index=True)
    departed_at: Mapped[datetime | None]


_ANNOUNCED = (
    select(Parcel.id, Parcel.number, Dispatch.branch_id, Dispatch.station_id, Dispatch.direction)
    .join(DispatchItem, (DispatchItem.parcel_id == Parcel.id) & (DispatchItem.state == ItemState.DECLARED))
    .join(Dispatch, Dispatch.id == DispatchItem.dispatch_id)
)
"""Boxes with the dispatch that announces them."""


@dataclass(frozen=True)
class Departure:
    """What left and what did not: announced = loaded + left behind."""

    loaded: tuple[str, ...]
    left_behind: tuple[str, ...]


def plan(branch: Branch, *, driver_id: UUID, day: date, station_ids: Sequence[UUID], now: datetime) -> Run:
    """A run with its stops in order. Raises StopsImpossible."""
    ours = select(Station.id).where(Station.id.in_(station_ids), Station.branch_id == branch.id)
    if not 0 < len(station_ids) <= STOPS_MAX or set(session.scalars(ours)) != set(station_ids):
        raise StopsImpossible(most=STOPS_MAX)
    if len(set(station_ids)) != len(station_ids):
        raise StopsImpossible(most=STOPS_MAX)
    number = numbers.next_run_number(branch.code, branch.id, day=day)
    run = Run(
        id=new_id(now),
        number=number,
        branch_id=branch.id,
        driver_id=driver_id,
        day=day,
        status=RunStatus.PLANNED,
        created_at=now,
    )
    session.add(run)
    session.flush()
    ordered = enumerate(station_ids, start=1)
    session.add_all(RunStop(run_id=run.id, position=i, station_id=station_id) for i, station_id in ordered)
    session.flush()
    return run


def lock(run: Run) -> Run:
    """The run, ours alone until the transaction ends, as it is now."""
    fresh = select(Run).where(Run.id == run.id).with_for_update()
    return session.scalars(fresh.execution_options(populate_existing=True)).one()


def stops(run: Run) -> list[RunStop]:
    """The stops of a run, in order."""
    return list(session.scalars(select(RunStop).where(RunStop.run_id == run.id).order_by(RunStop.position)))


def load(run: Run, scanned: str | Sequence[str], *, by: UUID | None, now: datetime) -> list[str]:
    """Scan boxes onto the van; one that is on it already stays on it. Returns the numbers that came on.

    All or none. Raises RunEnded, NotFound, NotAnnounced, NotOnThisRun, and IllegalMove's kin for a box not staged.
    """
    if lock(run).status is RunStatus.ARRIVED:
        raise RunEnded(number=run.number)
    wanted = {numbers.clean(one) for one in ([scanned] if isinstance(scanned, str) else scanned)}
    rows = _announced(wanted)
    if len(rows) != len(wanted):
        raise NotFound
    called_at = {stop.station_id for stop in stops(run)}
    fresh = [row for row in rows if not (row.run_id == run.id and row.status is S.LOADED)]
    for row in fresh:
        _check_rides(run, row, called_at)
    moved: list[UUID] = []
    for origin, ids in dispatch.by_origin(fresh).items():
        moved += parcels.step(
            ids, S.LOADED, Code.LOADED, only_from=WAITS_FOR_VAN, at=origin, by=by, now=now, run_id=run.id
        )
    if len(moved) != len(fresh):
        raise NotAnnounced(number=next(row.number for row in fresh if row.id not in set(moved)))
    session.execute(update(Dispatch).where(Dispatch.id.in_({row.dispatch_id for row in fresh})).values(run_id=run.id))
    if run.status is RunStatus.PLANNED and moved:
        run.status = RunStatus.LOADING
    session.flush()
    return sorted(row.number for row in fresh)


def _announced(wanted: set[str]) -> Sequence[Any]:
    query = (
        select(
            Parcel.id, Parcel.number, Parcel.status, Parcel.run_id, Dispatch.id.label("dispatch_id"),
            Dispatch.branch_id, Dispatch.station_id, Dispatch.direction,
            Dispatch.run_id.label("dispatch_run_id"), Dispatch.status.label("dispatch_status"),
        )
        .outerjoin(DispatchItem, (DispatchItem.parcel_id == Parcel.id) & (DispatchItem.state == ItemState.DECLARED))
        .outerjoin(Dispatch, Dispatch.id == DispatchItem.dispatch_id)
        .where(within(Parcel.number, wanted))
    )  # fmt: skip
    return session.execute(query).all()


def _check_rides(run: Run, row: Any, called_at: set[UUID]) -> None:
    if row.dispatch_status is not DispatchStatus.CLOSED:
        raise NotAnnounced(number=row.number)
    if row.station_id not in called_at or row.dispatch_run_id not in {None, run.id}:
        raise NotOnThisRun(number=row.number)


def unload(run: Run, parcel: Parcel, *, by: UUID | None, now: datetime, reason: str = "") -> None:
    """Take a box off again before the van leaves."""
    if parcel.run_id != run.id:
        raise NotOnThisRun(number=parcel.number)
    bag = dispatch.holding(parcel)
    again = dispatch.waits_as(bag, parcel)
    code = Code.ACCEPTED if again is S.STAGED else Code.LEFT_BEHIND
    parcels.move(parcel, again, code, by=by, now=now, at=bag.origin, note=reason, run_id=None)


def left_behind(run: Run) -> list[Parcel]:
    """Boxes announced at the stops of this run that are not on the van: the driver's question before he leaves."""
    query = (
        select(Parcel)
        .join(DispatchItem, DispatchItem.parcel_id == Parcel.id)
        .join(Dispatch, Dispatch.id == DispatchItem.dispatch_id)
        .join(RunStop, (RunStop.station_id == Dispatch.station_id) & (RunStop.run_id == run.id))
        .where(
            DispatchItem.state == ItemState.DECLARED,
            Dispatch.status == DispatchStatus.CLOSED,
            or_(Dispatch.run_id.is_(None), Dispatch.run_id == run.id),
            Parcel.status.in_(WAITS_FOR_VAN),
        )
    )
    return list(session.scalars(query.order_by(Parcel.number)))


def depart(run: Run, *, by: UUID | None, now: datetime, reason: str = "") -> Departure:
    """The van leaves with what was loaded; boxes of its dispatches that are not on it are left behind, with the reason.

    At a later stop more may be loaded, and the van departs again.
    Raises RunEnded, LeftUnexplained, DepartureWithoutMarks.
    """
    if lock(run).status is RunStatus.ARRIVED:
        raise RunEnded(number=run.number)
    leaving = session.scalars(
        select(Dispatch).where(Dispatch.run_id == run.id, Dispatch.status == DispatchStatus.CLOSED).with_for_update()
    ).all()
    aboard = session.execute(_ANNOUNCED.where(Parcel.run_id == run.id, Parcel.status == S.LOADED)).all()
    acceptance.check_marked([row.id for row in aboard])
    behind = _leave(leaving, by=by, now=now, reason=reason)
    moved: list[UUID] = []
    for origin, ids in dispatch.by_origin(aboard).items():
        code = Code.DEPARTED if origin.station_id else Code.DEPARTED_OUTWARD
        moved += parcels.step(ids, S.IN_TRANSIT, code, only_from=[S.LOADED], at=origin, by=by, now=now)
    for one in leaving:
        one.status, one.departed_at = DispatchStatus.DEPARTED, now
    left_from = RunStop.station_id.in_({one.station_id for one in leaving}), RunStop.departed_at.is_(None)
    session.execute(update(RunStop).where(RunStop.run_id == run.id, *left_from).values(departed_at=now))
    run.status, run.departed_at = RunStatus.DEPARTED, run.departed_at or now
    session.flush()
    for parcel in session.scalars(select(Parcel).where(within(Parcel.id, moved)).order_by(Parcel.id)):
        events.parcel_dispatched.send(parcel, now=now)
    return Departure(tuple(sorted(row.number for row in aboard)), behind)


def _leave(leaving: Sequence[Dispatch], *, by: UUID | None, now: datetime, reason: str) -> tuple[str, ...]:
    """Take what is not aboard out of its dispatch, so that it can ride with the next."""
    ours = DispatchItem.dispatch_id.in_([one.id for one in leaving])
    rest = session.execute(_ANNOUNCED.where(ours, Parcel.status != S.LOADED)).all()
    if rest and not reason.strip():
        raise LeftUnexplained(count=len(rest))
    for origin, ids in dispatch.by_origin(rest).items():
        dispatch.take_out(ids, ItemState.LEFT_BEHIND)
        scans.record(ids, Code.LEFT_BEHIND, at=origin, by=by, now=now, note=reason)
    return tuple(sorted(row.number for row in rest))


def arrive(run: Run, *, now: datetime) -> None:
    """The van is back at its branch; arriving twice is once."""
    if lock(run).status is not RunStatus.ARRIVED:
        run.status, run.arrived_at = RunStatus.ARRIVED, now
        session.flush()


def visible_to(who: Who) -> Select[Run]:
    """Runs that this person drives, that call at his station, or that his branch sends out."""
    calls = select(RunStop.run_id).where(RunStop.station_id.in_(stations.managed_by(who)))
    return select(Run).where(or_(Run.driver_id == who.user_id, Run.id.in_(calls)))


def by_number(number: str, among_these: Select[Run] | None = None) -> Run:
    """The run with a number among those that the asker may see. Raises NotFound."""
    query = select(Run) if among_these is None else among_these
    found = session.scalar(query.where(Run.number == numbers.clean(number)))
    if found is None:
        raise NotFound
    return found
