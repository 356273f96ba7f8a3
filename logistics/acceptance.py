"""Acceptance: the three marks without which nothing leaves (real name, opened and looked at, screened)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, update

from core.db import session
from core.errors import Conflict
from core.i18n import _
from logistics import parcels
from logistics.parcels import Parcel
from logistics.sets import within

MARKS = ("real_name_checked", "inspected", "screened")
EXAMPLES = 10


class DepartureWithoutMarks(Conflict):
    """Boxes lack a mark that the law asks for: they stay (Regulation on Express Delivery, 22, 24, 31)."""

    message = _("有 {count} 件没有实名、验视或安检标记，不能发车：{numbers}。")


def mark_acceptance(
    parcel: Parcel,
    *,
    real_name: bool = False,
    inspected: bool = False,
    screened: bool = False,
    by: UUID | None,
    now: datetime,
) -> None:
    """Add the marks that are true; a mark once given is kept with its first person and time."""
    mark_many([parcel.id], real_name=real_name, inspected=inspected, screened=screened, by=by, now=now)


def mark_many(
    parcel_ids: Sequence[UUID],
    *,
    real_name: bool = False,
    inspected: bool = False,
    screened: bool = False,
    by: UUID | None,
    now: datetime,
) -> None:
    """The same for a set of parcels, in one statement a mark."""
    for mark, given in zip(MARKS, (real_name, inspected, screened), strict=True):
        if given:
            session.execute(
                update(Parcel)
                .where(within(Parcel.id, parcel_ids), getattr(Parcel, f"{mark}_at").is_(None))
                .values({f"{mark}_at": now, f"{mark}_by": by})
                .execution_options(synchronize_session=False)
            )
    parcels.reread(parcel_ids)


def check_marked(parcel_ids: Sequence[UUID]) -> None:
    """Raises DepartureWithoutMarks when one of these parcels lacks a mark; names the first ten."""
    lacking = or_(*(getattr(Parcel, f"{mark}_at").is_(None) for mark in MARKS))
    found = select(Parcel.number, func.count().over()).where(within(Parcel.id, parcel_ids), lacking)
    rows = session.execute(found.order_by(Parcel.number).limit(EXAMPLES)).all()
    if rows:
        raise DepartureWithoutMarks(count=rows[0][1], numbers="、".join(number for number, _count in rows))


def marked(parcel_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the parcels that bear all three marks."""
    complete = (getattr(Parcel, f"{mark}_at").is_not(None) for mark in MARKS)
    return list(session.scalars(select(Parcel.id).where(within(Parcel.id, parcel_ids), *complete)))
