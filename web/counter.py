"""The counter: take cash for an order that waits for its payment."""

from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from core import auth, clock
from core.auth import requires
from core.db import session
from core.errors import Refusal
from core.once import once
from core.permissions import Permission
from orders import cash as drawers
from orders import ledger, orders, payments
from orders.orders import Order, OrderStatus
from orders.payments import Method, Payment
from web import forms, pages, station

blueprint = Blueprint("counter", __name__)
SHOWN = 50


@blueprint.get("/station/cash")
@requires(Permission.PAYMENT_CASH)
def cash() -> str:
    """Orders that may be paid here now, the drawer, the last receipts."""
    return _desk(None)


@blueprint.post("/station/cash")
@requires(Permission.PAYMENT_CASH)
@once
def take() -> Response:
    """Take the money and print the receipt."""
    who = auth.current()
    try:
        with session.begin_nested():
            order = orders.by_number(request.form.get("number", "").strip(), who=who)
            payment = drawers.take(order, given_minor=forms.fen_of_yuan("given"), by=who.user_id, now=clock.now())
    except Refusal as refusal:
        return make_response(_desk(refusal), refusal.status)
    return pages.redirect(url_for("counter.receipt", number=order.number, payment_id=payment.id))


@blueprint.get("/station/cash/<number>/<uuid:payment_id>")
@requires(Permission.PAYMENT_CASH)
def receipt(number: str, payment_id: UUID) -> str:
    """The receipt in large type."""
    payment = payments.of_order(number, payment_id, who=auth.current())
    return render_template("receipt.html", receipt=drawers.receipt(payment))


def _desk(refusal: Refusal | None) -> str:
    place = station.mine(auth.current())
    waiting = session.scalars(
        select(Order)
        .where(Order.station_id == place.id, Order.status == OrderStatus.AWAITING_PAYMENT, Order.pay_by > clock.now())
        .options(selectinload(Order.lines))
        .order_by(Order.id.desc())
        .limit(SHOWN)
    ).all()
    taken = session.execute(
        select(Payment, Order.number)
        .join(Order, Order.id == Payment.order_id)
        .where(Order.station_id == place.id, Payment.method == Method.CASH)
        .order_by(Payment.id.desc())
        .limit(10)
    ).all()
    return render_template(
        "cash.html", station=place, waiting=waiting, taken=taken, given=request.form, refusal=refusal,
        cash_minor=ledger.balance(f"cash:{place.id}"),
    )  # fmt: skip
