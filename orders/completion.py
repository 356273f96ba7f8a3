"""Completion: a delivered order's money leaves the buyer's account and goes to those who earned it."""

from datetime import datetime

from sqlalchemy import func, select

from core.db import session
from orders import events, ledger, moves, splits
from orders.orders import Order, OrderLine, OrderStatus
from orders.splits import LineSplit, Party


def complete(order: Order, *, now: datetime, reason: str = "") -> None:
    """Share out what was kept of an order that has ended, once. Raises IllegalMove when it has not left."""
    moves.step(order, OrderStatus.COMPLETED, now=now, reason=reason)
    earned = shares(order)
    entries = [(buyer_account(order), sum(earned.values())), *((code, -minor) for code, minor in earned.items())]
    entries += borne_by_house(order)
    if any(minor for _code, minor in entries):
        ledger.post("completion", order.number, f"order:{order.id}:completed", entries, now=now)
    events.order_completed.send(order, now=now)


def borne_by_house(order: Order) -> list[tuple[str, int]]:
    """What the carrier asks beyond all that a line cost: the house pays it, and it is never part of a line's shares."""
    query = select(func.sum(LineSplit.quote_minor - LineSplit.amount_minor)).join(
        OrderLine, OrderLine.id == LineSplit.line_id
    )
    minor = session.scalar(query.where(OrderLine.order_id == order.id)) or 0
    house, freight = splits.account(Party.PLATFORM, None), splits.account(Party.FREIGHT, None)
    return [(house, minor), (freight, -minor)] if minor else []


def buyer_account(order: Order) -> str:
    """Where a buyer's money waits for the goods; for a platform's order, where the platform's stands."""
    return f"buyer:{order.buyer_id}" if order.buyer_id else f"channel:{order.channel}"


def shares(order: Order) -> dict[str, int]:
    """Fen by ledger account that an order gives, of what was not refunded.

    Each line is shared as was frozen at its sale; a part that was refunded takes back every share alike.
    """
    query = (
        select(OrderLine.id, OrderLine.total_minor - OrderLine.refunded_minor, LineSplit)
        .join(LineSplit, LineSplit.line_id == OrderLine.id)
        .where(OrderLine.order_id == order.id)
        .order_by(OrderLine.position, LineSplit.party)
    )
    frozen: dict[object, tuple[int, list[LineSplit]]] = {}
    for line_id, kept_minor, part in session.execute(query):
        frozen.setdefault(line_id, (kept_minor, []))[1].append(part)
    earned: dict[str, int] = {}
    for kept_minor, parts in frozen.values():
        for part, minor in zip(parts, splits.scaled([part.amount_minor for part in parts], kept_minor), strict=True):
            code = splits.account(part.party, part.owner_id)
            earned[code] = earned.get(code, 0) + minor
    return {code: minor for code, minor in earned.items() if minor}
