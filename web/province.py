"""The province's overview: what was sold, carried and where, drawn from the product's own rows."""

from datetime import datetime, timedelta

from flask import Blueprint, render_template
from sqlalchemy import func, literal, select

from core import auth, clock
from core.auth import requires
from core.db import session
from core.permissions import Permission
from logistics.branches import Branch
from logistics.parcels import Parcel
from logistics.stations import Station
from orders.orders import Order, OrderStatus
from web import charts

blueprint = Blueprint("province", __name__)
ROWS = 20


@blueprint.get("/province")
@requires(Permission.OVERVIEW_PROVINCE)
def overview() -> str:
    """Fourteen days of sales and boxes, and the busiest stations."""
    now = clock.now()
    since = now - timedelta(days=charts.DAYS)
    totals = _totals(since)
    return render_template(
        "province.html",
        now=now,
        who_name=auth.current().name,
        totals=totals,
        sales=charts.per_day(select(Order.paid_at, Order.total_minor).where(Order.paid_at >= since), now=now),
        boxes=charts.per_day(select(Parcel.created_at, literal(1)).where(Parcel.created_at >= since), now=now),
        busiest=_busiest(since),
    )


def _totals(since: datetime) -> dict[str, int]:
    paid = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(Order.total_minor), 0),
            func.coalesce(func.sum(Order.refunded_minor), 0),
        ).where(Order.paid_at >= since)
    ).one()
    open_now = session.scalar(
        select(func.count()).select_from(Order).where(Order.status.in_([OrderStatus.PAID, OrderStatus.PACKING]))
    )
    places = session.scalar(select(func.count()).select_from(Station).where(Station.stopped_on.is_(None)))
    return {
        "orders": paid[0], "total_minor": int(paid[1]), "refunded_minor": int(paid[2]), "open": open_now or 0,
        "stations": places or 0, "branches": session.scalar(select(func.count()).select_from(Branch)) or 0,
    }  # fmt: skip


def _busiest(since: datetime) -> list[charts.Bar]:
    query = (
        select(Station.name, func.sum(Order.total_minor))
        .join(Order, Order.station_id == Station.id)
        .where(Order.paid_at >= since)
        .group_by(Station.id, Station.name)
        .order_by(func.sum(Order.total_minor).desc())
        .limit(ROWS)
    )
    return charts.bars([(name, int(total)) for name, total in session.execute(query)])
