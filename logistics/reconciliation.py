"""Reconciliation: what was announced against what was counted, item by item.

Announced = matched + short, and counted = matched + over + mis-sent. The state depends only on which numbers were ever
scanned: twice is once, and the order of scans does not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, aliased, mapped_column

from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, Malformed, NotFound
from core.i18n import _
from logistics import acceptance, dispatch, events, numbers, parcels
from logistics.dispatch import ITEMS_MAX, Direction, Dispatch, DispatchItem, DispatchStatus, ItemState
from logistics.moves import ParcelStatus
from logistics.parcels import Kind, Parcel
from logistics.scans import Code
from logistics.sets import within

S = ParcelStatus


class Difference(StrEnum):
    """How a count differs from its announcement."""

    SHORT = "short"
    OVER = "over"
    MISSENT = "missent"
    """Over here, and announced to another place."""


class Cause(StrEnum):
    """What a person found out about a difference."""

    FOUND = "found"
    """It was scanned later; the house closes the row itself."""
    LEFT_BEHIND = "left_behind"
    SENT_ON = "sent_on"
    NOT_ANNOUNCED = "not_announced"
    MISREAD = "misread"
    LOST = "lost"


class DispatchNotOnTheWay(Conflict):
    """Nothing can be received that has not left."""

    message = _("总包 {number} 还没有发车，不能接收。")


class TooManyScans(Malformed):
    """More numbers than one count takes."""

    message = _("一次最多扫 {most} 个单号。")


class DiscrepancyClosed(Conflict):
    """The difference has its explanation already."""

    message = _("单号 {number} 的差异已经处理过了。")


class Discrepancy(Model):
    """One difference. It stays open until a person, a time and a cause close it."""

    __tablename__ = "discrepancies"
    __table_args__ = (
        UniqueConstraint("dispatch_id", "number"),
        CheckConstraint(among("kind", Difference), name="kind_known"),
        CheckConstraint(among("cause", Cause), name="cause_known"),
        CheckConstraint("(closed_at IS NULL) = (cause IS NULL)", name="closed_with_cause"),
        Index("ix_discrepancies_open", "dispatch_id", postgresql_where="closed_at IS NULL"),
    )

    id: Mapped[Id]
    dispatch_id: Mapped[UUID] = mapped_column(ForeignKey("dispatches.id"))
    number: Mapped[str]
    parcel_id: Mapped[UUID | None] = mapped_column(ForeignKey("parcels.id"), index=True)
    """None where no parcel has this number."""
    kind: Mapped[Difference] = mapped_column(one_of(Difference))
    found_at: Mapped[datetime]
    found_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    cause: Mapped[Cause | None] = mapped_column(one_of(Cause))
    note: Mapped[str] = mapped_column(default="")


@dataclass(frozen=True)
class Reconciliation:
    """The numbers of a dispatch by what became of them, each list sorted."""

    matched: tuple[str, ...]
    short: tuple[str, ...]
    over: tuple[str, ...]
    missent: tuple[str, ...]

    @property
    def declared(self) -> int:
        return len(self.matched) + len(self.short)

    @property
    def received(self) -> int:
        return len(self.matched) + len(self.over) + len(self.missent)


def receive(wanted: Dispatch, scanned: Iterable[str], *, by: UUID | None, now: datetime) -> Reconciliation:
    """Count a dispatch in: matched boxes have arrived, every difference gets a row. May be called again with more.

    A handful of set-based statements, however many boxes there are. Raises DispatchNotOnTheWay, TooManyScans.
    """
    seen = {cleaned for cleaned in map(numbers.clean, scanned) if cleaned}
    if len(seen) > ITEMS_MAX:
        raise TooManyScans(most=ITEMS_MAX)
    here = dispatch.lock(wanted)
    if here.status not in {DispatchStatus.DEPARTED, DispatchStatus.RECEIVED}:
        raise DispatchNotOnTheWay(number=here.number)
    first = here.status is DispatchStatus.DEPARTED
    _match(here, seen, by=by, now=now)
    _note_extra(here, seen, by=by, now=now)
    _note_short(here, by=by, now=now)
    if first:
        here.status, here.received_at, here.received_by = DispatchStatus.RECEIVED, now, by
        session.flush()
        events.dispatch_received.send(here, now=now)
    return result(here)


def _match(here: Dispatch, seen: set[str], *, by: UUID | None, now: datetime) -> None:
    """Announced and scanned: received. A shortage noted earlier is explained by that."""
    items = DispatchItem.dispatch_id == here.id, DispatchItem.state == ItemState.DECLARED
    named = DispatchItem.parcel_id == Parcel.id, within(Parcel.number, seen)
    matched = session.scalars(
        update(DispatchItem)
        .where(*items, *named)
        .values(state=ItemState.RECEIVED)
        .returning(DispatchItem.parcel_id)
        .execution_options(synchronize_session=False)
    ).all()
    _take_in(here, matched, by=by, now=now)
    short = Discrepancy.dispatch_id == here.id, Discrepancy.closed_at.is_(None), Discrepancy.kind == Difference.SHORT
    session.execute(
        update(Discrepancy)
        .where(*short, within(Discrepancy.parcel_id, matched))
        .values(closed_at=now, closed_by=by, cause=Cause.FOUND)
    )


def _note_extra(here: Dispatch, seen: set[str], *, by: UUID | None, now: datetime) -> None:
    """Scanned and not announced here. What may be here is taken in; what is announced elsewhere is left to its own."""
    extra = seen - set(_numbers(here, [ItemState.RECEIVED]))
    if not extra:
        return
    elsewhere, item = aliased(Dispatch), aliased(DispatchItem)
    query = (
        select(Parcel.number, Parcel.id, elsewhere.branch_id, elsewhere.direction, elsewhere.station_id)
        .outerjoin(item, (item.parcel_id == Parcel.id) & (item.state == ItemState.DECLARED))
        .outerjoin(elsewhere, elsewhere.id == item.dispatch_id)
        .where(within(Parcel.number, extra))
    )
    known = {row.number: row for row in session.execute(query)}
    kinds = dict.fromkeys(extra, Difference.OVER)
    for number, row in known.items():
        to = row.branch_id, row.station_id if row.direction is Direction.OUTWARD else None
        if row.branch_id and to != (here.destination.branch_id, here.destination.station_id):
            kinds[number] = Difference.MISSENT
    found = [(number, row.id) for number, row in known.items()]
    strangers = [(number, None) for number in extra - known.keys()]
    for kind in (Difference.OVER, Difference.MISSENT):
        _note(here, [pair for pair in found + strangers if kinds[pair[0]] is kind], kind, by=by, now=now)
    free = [row.id for row in known.values() if row.branch_id is None]
    _take_in(here, acceptance.marked(free), by=by, now=now)


def _take_in(here: Dispatch, parcel_ids: Sequence[UUID], *, by: UUID | None, now: datetime) -> None:
    """They have arrived. An order's box is now where it was counted: at that station, or at the branch."""
    code = Code.AT_BRANCH if here.direction is Direction.INWARD else Code.AT_STATION
    at = case((Parcel.kind == Kind.GOODS, Parcel.destination_station_id), else_=here.destination.station_id)
    parcels.step(parcel_ids, S.ARRIVED, code, by=by, now=now, at=here.destination, destination_station_id=at)


def _note_short(here: Dispatch, *, by: UUID | None, now: datetime) -> None:
    """Announced and not scanned."""
    missing = select(Parcel.number, Parcel.id).join(DispatchItem, DispatchItem.parcel_id == Parcel.id)
    rows = missing.where(DispatchItem.dispatch_id == here.id, DispatchItem.state == ItemState.DECLARED)
    _note(here, list(session.execute(rows)), Difference.SHORT, by=by, now=now)


def _note(
    here: Dispatch, found: Sequence[tuple[str, UUID | None]], kind: Difference, *, by: UUID | None, now: datetime
) -> None:
    if found:
        rows = [
            {"id": new_id(now), "dispatch_id": here.id, "number": number, "parcel_id": parcel_id, "kind": kind,
             "found_at": now, "found_by": by, "note": ""}
            for number, parcel_id in found
        ]  # fmt: skip
        session.execute(insert(Discrepancy).on_conflict_do_nothing(), rows)


def _numbers(here: Dispatch, states: Sequence[ItemState]) -> list[str]:
    query = select(Parcel.number).join(DispatchItem, DispatchItem.parcel_id == Parcel.id)
    return list(session.scalars(query.where(DispatchItem.dispatch_id == here.id, DispatchItem.state.in_(states))))


def result(here: Dispatch) -> Reconciliation:
    """The four lists as they stand. Explained shortages stay short: the announcement was wrong all the same."""
    extra: dict[Difference, list[str]] = {kind: [] for kind in Difference}
    for kind, number in session.execute(
        select(Discrepancy.kind, Discrepancy.number).where(Discrepancy.dispatch_id == here.id)
    ):
        extra[kind].append(number)
    return Reconciliation(
        matched=tuple(sorted(_numbers(here, [ItemState.RECEIVED]))),
        short=tuple(sorted(_numbers(here, [ItemState.DECLARED, ItemState.SETTLED]))),
        over=tuple(sorted(extra[Difference.OVER])),
        missent=tuple(sorted(extra[Difference.MISSENT])),
    )


def differences(here: Dispatch) -> list[Discrepancy]:
    """Every difference of a dispatch, open ones first."""
    query = select(Discrepancy).where(Discrepancy.dispatch_id == here.id)
    return list(session.scalars(query.order_by(Discrepancy.closed_at.is_not(None), Discrepancy.number)))


def difference(here: Dispatch, row_id: UUID) -> Discrepancy:
    """One difference of a dispatch. Raises NotFound."""
    row = session.scalar(select(Discrepancy).where(Discrepancy.dispatch_id == here.id, Discrepancy.id == row_id))
    if row is None:
        raise NotFound
    return row


def explain(row: Discrepancy, *, cause: Cause, note: str = "", by: UUID | None, now: datetime) -> None:
    """Close a difference with a person, a time and a cause. Raises DiscrepancyClosed.

    A short box that was left behind stands ready again where it came from.
    """
    closed = session.execute(
        update(Discrepancy)
        .where(Discrepancy.id == row.id, Discrepancy.closed_at.is_(None))
        .values(closed_at=now, closed_by=by, cause=cause, note=note)
        .returning(Discrepancy.id)
    ).one_or_none()
    if closed is None:
        raise DiscrepancyClosed(number=row.number)
    if row.kind is Difference.SHORT and row.parcel_id:
        dispatch.take_out([row.parcel_id], ItemState.SETTLED)
        if cause is Cause.LEFT_BEHIND:
            bag, box = session.get_one(Dispatch, row.dispatch_id), session.get_one(Parcel, row.parcel_id)
            again, origin = dispatch.waits_as(bag, box), bag.origin
            parcels.step([box.id], again, Code.LEFT_BEHIND, only_from=[S.IN_TRANSIT], at=origin, by=by, now=now)
