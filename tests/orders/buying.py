"""Orders that wait for their payment, as a buyer would have placed them, and the ways to pay for them."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from core.db import session
from core.testing import run_jobs
from orders import checkout, claims, ledger, paying, payments
from orders.orders import Order, OrderLine
from orders.payments import Method, Payment
from shop.packs import Pack
from tests import make
from tests.make.shop import MORNING
from tests.standin.running import StandIn

RETURN_URL = "http://shop.test/orders/1"


def order(
    *quantities: int, packs: list[Pack] | None = None, buyer_id: UUID | None = None, now: datetime = MORNING
) -> Order:
    """An order of ¥29.90 a pack; each quantity is a line of its own pack and lot."""
    wanted = quantities or (1,)
    chosen = packs or _packs(len(wanted), now)
    lines = tuple(claims.ClaimLine(quantity, pack_id=pack.id) for quantity, pack in zip(wanted, chosen, strict=True))
    claim = claims.Claim(buyer_id or make.user().id, lines, make.address())
    return session.get_one(Order, checkout.place_one(claim, now=now).id)


def _packs(count: int, now: datetime) -> list[Pack]:
    farm = make.farm(now=now)
    products = [make.product(farm=farm, name=f"黄桃{number}", now=now) for number in range(count)]
    for product in products:
        make.lot(product=product, now=now)
    return [make.pack(product=product, now=now) for product in products]


def lines_of(order: Order) -> list[OrderLine]:
    return list(session.scalars(select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.position)))


def opened(order: Order, method: Method = Method.ALIPAY, *, now: datetime = MORNING) -> Payment:
    """A payment that shows the buyer where to pay."""
    payment = paying.start(order, method, return_url=RETURN_URL, by=order.buyer_id, now=now)
    run_jobs(now)
    return fresh(payment)


def fresh(payment: Payment) -> Payment:
    session.expire_all()
    return session.get_one(Payment, payment.id)


def balances(order: Order) -> Mapping[str, int]:
    """Fen on the accounts that payments and refunds of an order touch, without the zeros."""
    codes = ["stripe:clearing", f"buyer:{order.buyer_id}", f"cash:{order.station_id}", "refunds:stripe", "refunds:cash"]
    names = {f"buyer:{order.buyer_id}": "buyer", f"cash:{order.station_id}": "drawer"}
    return {names.get(code, code): minor for code, minor in ledger.balances(codes).items() if minor}


def pay(standin: StandIn, payment: Payment, outcome: str = "pay") -> None:
    """The buyer presses the button."""
    assert payment.pay_url
    assert standin.press(payment.pay_url, outcome).status_code in (200, 303)


__all__ = ["MORNING", "balances", "fresh", "lines_of", "opened", "order", "pay", "payments"]
