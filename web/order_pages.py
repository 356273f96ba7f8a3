"""The buyer's orders: all of them, one with its way, and the page where one pays."""

from uuid import UUID

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import select

from core import auth, clock, paging
from core.auth import public, requires
from core.db import session
from core.once import once
from core.permissions import Permission
from logistics import tracking
from logistics.parcels import Parcel
from orders import lifecycle, orders, paying, payments
from orders.orders import Order
from orders.payments import Method
from web import pages, trace

blueprint = Blueprint("orders_page", __name__)


@blueprint.get("/orders")
@requires(Permission.ORDER_READ)
def mine() -> str:
    """My own orders, newest first."""
    who = auth.current()
    query = select(Order).where(Order.buyer_id == who.user_id)
    return render_template("orders.html", page=paging.page(query, model=Order, after=request.args.get("after")))


@blueprint.get("/orders/<number>")
@requires(Permission.ORDER_READ)
def show(number: str) -> str:
    """One order: what, where it is, what can be done."""
    order = orders.by_number(number, who=auth.current())
    return render_template("order.html", order=order, parcels=trace.parcels_of(order), open_payment=paying.open_of(order.id))


@blueprint.post("/orders/<number>/cancel")
@requires(Permission.ORDER_CANCEL)
def cancel(number: str) -> Response:
    """Call the order off."""
    order = orders.by_number(number, who=auth.current())
    lifecycle.cancel(order, by=auth.current().user_id, now=clock.now(), reason="buyer")
    return pages.redirect(url_for("orders_page.show", number=number))


@blueprint.get("/orders/<number>/pay")
@requires(Permission.PAYMENT_START)
def pay(number: str) -> str:
    """Where one pays: a way to the wallet's page, a code to scan, or the words that it is being prepared."""
    order = orders.by_number(number, who=auth.current())
    return render_template("pay.html", order=order, payment=paying.open_of(order.id), now=clock.now(), methods=list(Method))


@blueprint.post("/orders/<number>/pay")
@requires(Permission.PAYMENT_START)
@once
def start(number: str) -> Response:
    """Choose a way to pay, or another one."""
    paying.start(number, Method(request.form.get("method", "")), who=auth.current(), now=clock.now())
    return pages.redirect(url_for("orders_page.pay", number=number))


@blueprint.get("/tracking/<number>")
@public
def follow(number: str) -> str:
    """The public page of a parcel: where it is, with nobody's name on it."""
    return render_template("tracking.html", found=tracking.public_view(number), number=number)
