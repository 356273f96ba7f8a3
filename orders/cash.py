"""Cash at the counter: a keeper takes it for an order, gives change and a receipt, and hands out what goes back."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from core.db import session
from core.errors import Conflict, Malformed
from core.i18n import _
from core.money import format_yuan
from logistics.stations import Station
from orders import arrivals, paying, payments, refunds, repaying
from orders.orders import Order, OrderLine
from orders.payments import Method, Outcome, Payment
from orders.payments import PaymentStatus as S
from orders.refunds import Refund, RefundStatus

NOTES_MAX_MINOR = 10_000_000
"""More than ¥100,000 is no cash payment."""


class CashTooLittle(Malformed):
    """Less was put on the counter than the order costs."""

    message = _("应收 {due}，现金不够。")


class CashImpossible(Malformed):
    """More than anybody puts on a counter."""

    message = _("现金金额不对。")


class NoStation(Conflict):
    """The order leaves from no station of ours, so no drawer can take its money."""

    message = _("这个订单不属于任何站点，不能收现金。")


class NotCash(Conflict):
    """What was paid another way goes back that way."""

    message = _("这笔钱不是现金付的，会原路退回。")


class NotWaitingForHandOut(Conflict):
    """Nothing is left to be handed out."""

    message = _("这笔退款已经办完了。")


@dataclass(frozen=True)
class ReceiptLine:
    """What one line of a receipt says."""

    name: str
    quantity: int
    total_minor: int


@dataclass(frozen=True)
class Receipt:
    """What is printed large for the buyer. No name, no phone: receipts are read aloud."""

    order_number: str
    payment_id: UUID
    station: str
    at: datetime
    lines: tuple[ReceiptLine, ...]
    total_minor: int
    given_minor: int
    change_minor: int
    currency: str
    ships_from: date | None = None
    """When it is a presale, the days in which it leaves."""
    ships_by: date | None = None


def drawer(order: Order) -> str:
    """The ledger account of the drawer at the order's station. Raises NoStation."""
    if order.station_id is None:
        raise NoStation()
    return f"cash:{order.station_id}"


def take(order: Order, *, given_minor: int, by: UUID, now: datetime) -> Payment:
    """Take cash for an order that waits for its payment; a page that is open elsewhere is withdrawn.

    `given_minor` is what was put on the counter. Raises OrderNotPayable, CashTooLittle, CashImpossible, NoStation.
    """
    order = payments.lock_order(order.id)
    paying.check_payable(order, now=now)
    if given_minor > NOTES_MAX_MINOR:
        raise CashImpossible()
    if given_minor < order.total_minor:
        raise CashTooLittle(due=format_yuan(order.total_minor), due_minor=order.total_minor)
    account = drawer(order)
    paying.withdraw_of(order, now=now)
    payment = payments.add(order, Method.CASH, status=S.PENDING, by=by, now=now, given_minor=given_minor)
    arrivals.settle(payment, order, account=account, now=now, by=by)
    return payment


def receipt(payment: Payment) -> Receipt:
    """What the buyer takes home. Raises NotCash, PaymentUnknown for one that was not taken."""
    if payment.method is not Method.CASH or payment.given_minor is None:
        raise NotCash()
    if payment.outcome is not Outcome.PAID or payment.settled_at is None:
        raise payments.PaymentUnknown()
    order = session.get_one(Order, payment.order_id)
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.position))
    return Receipt(
        order_number=order.number,
        payment_id=payment.id,
        station=session.get_one(Station, order.station_id).name,
        at=payment.settled_at,
        lines=tuple(
            ReceiptLine(f"{line.product_name} {line.pack_name}", line.quantity, line.total_minor) for line in lines
        ),
        total_minor=payment.amount_minor,
        given_minor=payment.given_minor,
        change_minor=payment.given_minor - payment.amount_minor,
        currency=payment.currency,
        ships_from=order.ships_from,
        ships_by=order.ships_by,
    )


def hand_out(refund: Refund, *, by: UUID, now: datetime) -> Refund:
    """Give the cash of a refund to the buyer, out of the station's drawer. Raises NotCash, NotWaitingForHandOut."""
    order = payments.lock_order(refund.order_id)
    refund = refunds.lock(refund.id)
    if refund.payment.method is not Method.CASH:
        raise NotCash()
    if refund.status is not RefundStatus.REQUESTED:
        raise NotWaitingForHandOut()
    repaying.succeed(refund, drawer(order), now=now, by=by)
    session.flush()
    return refund
