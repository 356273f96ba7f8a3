"""Figures as charts: bars with their length, and a figure per business day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from core import clock
from core.db import session

DAYS = 14


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: what it stands for, its figure as read, and its length in percent of the longest."""

    label: str
    figure: int
    percent: int


def bars(figures: Sequence[tuple[str, int]]) -> list[Bar]:
    """Figures as bars, the longest at 100 percent."""
    longest = max((figure for _label, figure in figures), default=0)
    return [Bar(label, figure, round(100 * figure / longest) if longest else 0) for label, figure in figures]


def per_day(query: Any, *, now: datetime) -> list[Bar]:
    """A figure per business day; `query` gives moments and figures. Days without any are shown as zero."""
    rows = query.subquery()
    moment, figure = rows.c[0], rows.c[1]
    day = func.date(func.timezone("Asia/Shanghai", moment))
    found: dict[date, int] = {row[0]: row[1] for row in session.execute(select(day, func.sum(figure)).group_by(day))}
    today = clock.local_day(now)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    return bars([(f"{one.month}/{one.day}", int(found.get(one, 0))) for one in days])
