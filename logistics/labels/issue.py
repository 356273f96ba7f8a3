"""Issuing labels: one valid label a box, every repeat counted, and what is printed on it."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import LOCAL
from core.db import Id, Model, new_id, session
from core.errors import Conflict
from core.i18n import _
from logistics import events, parcels, recipients, scans, sortcodes
from logistics.labels.content import Content
from logistics.moves import ENDED, ParcelStatus
from logistics.parcels import Parcel
from logistics.scans import Code
from logistics.sets import within
from logistics.stations import Branch, Station


class NoLabel(Conflict):
    """Nothing to print: the box has no valid label."""

    message = _("包裹 {number} 还没有有效面单。")


class Label(Model):
    """The label that stands for a box until it is void; the box's number stays the same on a repeat."""

    __tablename__ = "labels"
    __table_args__ = (
        Index("uq_labels_active", "parcel_id", unique=True, postgresql_where="voided_at IS NULL"),
        CheckConstraint("prints > 0", name="printed"),
    )

    id: Mapped[Id]
    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id"), index=True)
    sort_version: Mapped[int]
    sort_code: Mapped[str | None]
    """None: no row of the sort table fits, a person sorts this box."""
    marker: Mapped[str]
    prints: Mapped[int] = mapped_column(default=1)
    issued_at: Mapped[datetime]
    issued_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    voided_at: Mapped[datetime | None]


def label(parcel: Parcel, *, by: UUID | None, now: datetime) -> Label:
    """Label a weighed box; asked again, count one more print of the same label."""
    if parcel.status not in ENDED and active([parcel.id]):
        return _again(parcel, by=by, now=now)
    parcels.move(parcel, ParcelStatus.LABELLED, Code.LABELLED, by=by, now=now)
    return issue_many([parcel.id], by=by, now=now)[0]


def issue_many(parcel_ids: Sequence[UUID], *, by: UUID | None, now: datetime) -> list[Label]:
    """Labels for boxes that have none; the partial unique index refuses a second valid one."""
    resolve = cache(sortcodes.resolve)
    fresh = []
    for parcel in session.scalars(select(Parcel).where(within(Parcel.id, parcel_ids))):
        sorting = resolve(parcel.region_code)
        fresh.append(
            Label(
                id=new_id(now),
                parcel_id=parcel.id,
                sort_version=sorting.version,
                sort_code=sorting.code,
                marker=sorting.marker,
                prints=1,
                issued_at=now,
                issued_by=by,
            )
        )
    session.add_all(fresh)
    session.flush()
    return fresh


def _again(parcel: Parcel, *, by: UUID | None, now: datetime) -> Label:
    more = update(Label).where(Label.parcel_id == parcel.id, Label.voided_at.is_(None)).values(prints=Label.prints + 1)
    kept = session.scalars(more.returning(Label).execution_options(populate_existing=True)).one()
    scans.record([parcel.id], Code.LABELLED, by=by, now=now, note=f"reprint {kept.prints - 1}")
    return kept


def active(parcel_ids: Sequence[UUID]) -> dict[UUID, Label]:
    """Valid labels by parcel."""
    query = select(Label).where(within(Label.parcel_id, parcel_ids), Label.voided_at.is_(None))
    return {one.parcel_id: one for one in session.scalars(query)}


@events.parcel_cancelled.connect
def void(parcel: Parcel, *, now: datetime) -> None:
    """The label of this box is worth nothing any more."""
    session.execute(update(Label).where(Label.parcel_id == parcel.id, Label.voided_at.is_(None)).values(voided_at=now))


def unresolved(branch_id: UUID) -> list[Parcel]:
    """Boxes of a branch with a valid label and no sort code, oldest first: work for a person."""
    query = select(Parcel).join(Label, Label.parcel_id == Parcel.id).where(Parcel.branch_id == branch_id)
    return list(
        session.scalars(
            query.where(Label.sort_code.is_(None), Label.voided_at.is_(None), Parcel.status.not_in(ENDED)).order_by(
                Parcel.id
            )
        )
    )


def contents_of(boxes: Sequence[Parcel], *, now: datetime) -> list[Content]:
    """What stands on the valid labels of these boxes, masked. Raises NoLabel."""
    labels = active([box.id for box in boxes])
    places = {box.station_id for box in boxes}
    homes = {one.id: one for one in session.scalars(select(Station).where(Station.id.in_(places)))}
    branches = {
        one.id: one for one in session.scalars(select(Branch).where(Branch.id.in_({box.branch_id for box in boxes})))
    }
    drawn = []
    for box in boxes:
        if box.id not in labels:
            raise NoLabel(number=box.number)
        branch, kept = branches[box.branch_id], labels[box.id]
        home = homes.get(box.station_id) if box.station_id else None
        to = recipients.masked(box)
        drawn.append(
            Content(
                number=box.number,
                sort_code=kept.sort_code,
                marker=kept.marker,
                recipient=f"{to.name} {to.phone}".strip(),
                address=to.region + to.detail,
                sender=f"{home.name} · {branch.name}" if home else branch.name,
                contents=box.contents,
                net_g=box.net_g,
                gross_g=box.gross_g,
                marks=_marks(box, branch),
                printed_on=f"{now.astimezone(LOCAL):%Y-%m-%d %H:%M}",
                prints=kept.prints,
            )
        )
    return drawn


def _marks(box: Parcel, branch: Branch) -> tuple[str, ...]:
    """The marks given so far, each with the unit that vouches for it."""
    given = (("实名", box.real_name_checked_at), ("已验视", box.inspected_at), ("已安检", box.screened_at))
    return tuple(f"{words} {branch.code} {branch.name}" for words, at in given if at)
