"""Sales of a platform's report: money that the platform took for us, without goods, buyer or address.

Such an order is in the books and nothing more: it has no line and no station, so nothing can be sent by guess. What a
file says of it only ever moves it forward: unpaid, paid, refunded in part, refunded in whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, text, update

from core.db import new_id, session
from core.i18n import _
from core.money import CURRENCY
from orders import ledger, rows
from orders.channels.cells import RowHeld
from orders.ledger import Posting
from orders.orders import Channel, Order, OrderMove, OrderStatus

STEPS = (OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID, OrderStatus.REFUNDED)


class SaleDisagrees(RowHeld):
    """The books say otherwise, and nothing tells which is right."""

    message = _("与已入账的订单不一致：{column}")


@dataclass(frozen=True, slots=True)
class Sale:
    """What a report says of one order."""

    external_number: str
    total_minor: int
    refunded_minor: int
    region_code: str
    placed_at: datetime
    paid_at: datetime | None

    @property
    def status(self) -> OrderStatus:
        """Never paid, paid (also when a part went back), or wholly refunded."""
        if self.paid_at is None:
            return OrderStatus.AWAITING_PAYMENT
        return OrderStatus.REFUNDED if 0 < self.total_minor == self.refunded_minor else OrderStatus.PAID

    @property
    def paid_minor(self) -> int:
        return 0 if self.paid_at is None else self.total_minor


@dataclass(frozen=True, slots=True)
class Change:
    """One order, as the books had it and as they shall have it."""

    order_id: UUID
    before: Sale | None
    after: Sale


def newer(known: Sale, told: Sale) -> bool:
    """Whether a file tells more than is known; an older one, or the same, tells nothing. Raises SaleDisagrees.

    A price may change until it is paid. While both are unpaid, nothing tells which of two prices is the later one.
    """
    disagreeing = [field for field in ("placed_at", "region_code") if getattr(known, field) != getattr(told, field)]
    if (known.paid_at is None) == (told.paid_at is None):
        disagreeing += [field for field in ("paid_at", "total_minor") if getattr(known, field) != getattr(told, field)]
    if disagreeing:
        raise SaleDisagrees(column=disagreeing[0])
    if (known.paid_at is None) != (told.paid_at is None):
        return known.paid_at is None
    return told.refunded_minor > known.refunded_minor


def lock_channel(channel: Channel) -> None:
    """One import of a channel at a time, until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"import {channel}"})


def known(channel: Channel, numbers: Sequence[str]) -> dict[str, tuple[UUID, Sale]]:
    """What the books have of these orders of a platform, by its numbers."""
    query = select(
        Order.id, Order.external_number, Order.total_minor, Order.refunded_minor, Order.region_code,
        Order.placed_at, Order.paid_at,
    ).where(Order.channel == channel, Order.external_number.in_(numbers))  # fmt: skip
    return {
        number: (order_id, Sale(number, total_minor, refunded_minor, region_code or "", placed_at, paid_at))
        for order_id, number, total_minor, refunded_minor, region_code, placed_at, paid_at in session.execute(query)
        if number is not None
    }


def book(channel: Channel, changes: Sequence[Change], *, now: datetime, by: UUID | None) -> None:
    """Write orders, their moves and their postings, as sets."""
    fresh = [change for change in changes if change.before is None]
    rows.write(
        {
            Order: [_order(channel, change) for change in fresh],
            OrderMove: [row for change in changes for row in _moves(channel, change, now, by)],
        }
    )
    _update([change for change in changes if change.before is not None])
    ledger.post_many([posting for change in changes for posting in _postings(channel, change, by)], now=now)


def _order(channel: Channel, change: Change) -> rows.Row:
    sale = change.after
    return {
        "id": change.order_id,
        "number": f"{channel}-{sale.external_number}",
        "channel": channel,
        "status": sale.status,
        "total_minor": sale.total_minor,
        "refunded_minor": sale.refunded_minor,
        "currency": CURRENCY,
        "placed_at": sale.placed_at,
        "paid_at": sale.paid_at,
        "region_code": sale.region_code,
        "external_number": sale.external_number,
    }


def _update(changes: Sequence[Change]) -> None:
    """Take known orders on; each is still where it was read, as the channel is ours alone."""
    if changes:
        statement = (
            update(Order.__table__)  # type: ignore[arg-type]
            .where(Order.id == bindparam("order"), Order.status == bindparam("was"))
            .values({name: bindparam(f"new_{name}") for name in ("status", "total_minor", "refunded_minor", "paid_at")})
        )
        session.connection().execute(statement, [_values(change) for change in changes])


def _values(change: Change) -> rows.Row:
    sale = change.after
    assert change.before is not None
    return {
        "order": change.order_id,
        "was": change.before.status,
        "new_status": sale.status,
        "new_total_minor": sale.total_minor,
        "new_refunded_minor": sale.refunded_minor,
        "new_paid_at": sale.paid_at,
    }


def _moves(channel: Channel, change: Change, now: datetime, by: UUID | None) -> list[rows.Row]:
    """Every step on the way, at the platform's times; when it paid back is not in its report."""
    sale = change.after
    first = 0 if change.before is None else STEPS.index(change.before.status) + 1
    times = {OrderStatus.AWAITING_PAYMENT: sale.placed_at, OrderStatus.PAID: sale.paid_at}
    return [
        {
            "id": new_id(now),
            "order_id": change.order_id,
            "was": STEPS[step - 1] if step else None,
            "became": STEPS[step],
            "at": times.get(STEPS[step]) or now,
            "by": by,
            "reason": channel,
        }
        for step in range(first, STEPS.index(sale.status) + 1)
    ]


def _postings(channel: Channel, change: Change, by: UUID | None) -> list[Posting]:
    """The platform owes us what it took, and less by what it gave back."""
    sale, before = change.after, change.before
    reference, key = f"{channel}-{sale.external_number}", f"{channel}:{sale.external_number}"
    took = sale.paid_minor - (before.paid_minor if before else 0)
    gave = sale.refunded_minor - (before.refunded_minor if before else 0)
    theirs, ours = f"channel:{channel}", f"sales:{channel}"
    postings = []
    if took:
        postings.append(Posting("import", reference, f"{key}:paid", [(theirs, took), (ours, -took)], by))
    if gave:
        again = f"{key}:refunded:{sale.refunded_minor}"
        postings.append(Posting("refund", reference, again, [(theirs, -gave), (ours, gave)], by))
    return postings
