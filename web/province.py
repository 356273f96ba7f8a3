"""The province's overview: what was sold, carried and where, drawn from the product's own rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template
from sqlalchemy import func, select

from core import auth, clock
from core.auth import requires
from core.db import session
from core.permissions import Permission
from logistics.branches import Branch
from logistics.parcels import Parcel
from logistics.stations import Station
from orders.orders import Order, OrderStatus

blueprint = Blueprint("province", __name__)
DAYS = 14
ROWS = 20


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: what it stands for, its figure as read, and its length in percent of the longest."""

    label: str
    figure: int
    percent: int


@blueprint.get("/province")
@requires(Permission.OVERVIEW_PROVINCE)
def overview() -> str:
    """Fourteen days of sales and boxes, and the busiest stations."""
    now = clock.now()
    since = now - timedelta(days=DAYS)
    totals = _totals(since)
    return render_template(
        "province.html",
        now=now,
        who_name=auth.current().name,
        totals=totals,
        sales=_per_day(select(Order.paid_at, Order.total_minor).where(Order.paid_at >= since), now),
        boxes=_per_day(select(Parcel.created_at, func.coalesce(1, 1)).where(Parcel.created_at >= since), now),
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


def _per_day(query: Any, now: datetime) -> list[Bar]:
    """A figure per business day, the days without any shown as zero."""
    rows = query.subquery()
    moment, figure = rows.c[0], rows.c[1]
    day = func.date(func.timezone("Asia/Shanghai", moment))
    found: dict[date, int] = dict(
        session.execute(select(day, func.sum(figure)).group_by(day)).all()
    )  # fmt: skip
    today = clock.local_day(now)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    return bars([(f"{one.month}/{one.day}", int(found.get(one, 0))) for one in days])


def _busiest(since: datetime) -> list[Bar]:
    query = (
        select(Station.name, func.sum(Order.total_minor))
        .join(Order, Order.station_id == Station.id)
        .where(Order.paid_at >= since)
        .group_by(Station.id, Station.name)
        .order_by(func.sum(Order.total_minor).desc())
        .limit(ROWS)
    )
    return bars([(name, int(total)) for name, total in session.execute(query)])


def bars(figures: Sequence[tuple[str, int]]) -> list[Bar]:
    """Figures as bars, the longest at 100 percent."""
    longest = max((figure for _label, figure in figures), default=0)
    return [Bar(label, figure, round(100 * figure / longest) if longest else 0) for label, figure in figures]
