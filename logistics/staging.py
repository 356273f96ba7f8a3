"""Staging: what stands ready for the van. From here on the post answers for the box."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from core.db import session
from core.errors import Conflict
from core.i18n import _
from logistics import parcels
from logistics.labels import issue
from logistics.moves import ParcelStatus
from logistics.parcels import Kind, Parcel
from logistics.scans import Code
from logistics.sets import within

S = ParcelStatus


class OnlyGoodsSkipTheScale(Conflict):
    """An order's box goes through packing, scale and label; only wholesale cartons come closed and weighed."""

    message = _("包裹 {number} 要先打包、称重、贴面单，才能待装车。")


def stage(parcel: Parcel, *, by: UUID | None, now: datetime) -> None:
    """Put a labelled box in the row for the van: the post accepts it."""
    if parcel.kind == Kind.ORDER and parcel.status == S.REGISTERED:
        raise OnlyGoodsSkipTheScale(number=parcel.number)
    parcels.move(parcel, S.STAGED, Code.ACCEPTED, by=by, now=now)


def stage_cartons(parcel_ids: Sequence[UUID], *, by: UUID | None, now: datetime) -> list[UUID]:
    """Wholesale cartons at the branch: labelled as they are and staged, as a set. Returns who moved."""
    goods = select(Parcel.id).where(within(Parcel.id, parcel_ids), Parcel.kind == Kind.GOODS)
    fresh = session.scalars(goods.where(Parcel.status == S.REGISTERED)).all()
    issue.issue_many(fresh, by=by, now=now)
    return parcels.step(fresh, S.STAGED, Code.ACCEPTED, only_from=[S.REGISTERED], by=by, now=now)
