"""The buyer's orders: all of them, one with its way, and the page where one pays."""

from uuid import UUID

import segno
from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import select

from core import auth, clock, paging
from core.auth import public, requires
from core.db import session
from core.once import once
from core.permissions import Permission
from logistics import tracking
from logistics.parcels import Parcel
from orders import asking, cancelling, fulfilment, orders, payments, presales
from orders.asking import RefundRequest
from orders.orders import Order
from orders.payments import Method, Payment
from orders.refunds import Refund
from shop.packs import Pack
from shop.products import Product
from web import checkout, pages

blueprint = Blueprint("orders_page", __name__)
BOXES_MAX = 200


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
    back = session.scalars(select(Refund).where(Refund.order_id == order.id).order_by(Refund.id)).all()
    asked = session.scalars(asking.visible_to(auth.current()).where(RefundRequest.order_id == order.id)).all()
    return render_template(
        "order.html", order=order, parcels=parcels_of(order), refunds=back, asked=asked, kinds=_kinds(order),
        missed=presales.missed_by(order), serves=orders.serves(auth.current(), order),
        mine=order.buyer_id == auth.current().user_id,
    )  # fmt: skip


@blueprint.post("/orders/<number>/cancel")
@requires(Permission.ORDER_CANCEL)
def cancel(number: str) -> Response:
    """Call the order off, as far as that is still possible."""
    who = auth.current()
    order = orders.by_number(number, who=who, among=orders.changeable_by(who))
    reason = "buyer" if order.buyer_id == who.user_id else "station"
    cancelling.cancel(order, by=who.user_id, now=clock.now(), reason=reason)
    return pages.redirect(url_for("orders_page.show", number=number))


@blueprint.post("/orders/<number>/ask")
@requires(Permission.ORDER_CANCEL)
@once
def ask_refund(number: str) -> Response:
    """Ask for one's money back, and say why."""
    who = auth.current()
    order = orders.by_number(number, who=who, among=select(Order).where(Order.buyer_id == who.user_id))
    asking.ask(order, words=request.form.get("words", ""), by=who.user_id, now=clock.now())
    return pages.redirect(url_for("orders_page.show", number=number))


@blueprint.get("/orders/<number>/pay")
@requires(Permission.PAYMENT_START)
def pay(number: str) -> str:
    """Where one pays: a way to the wallet's page, a code to scan, or the words that it is being prepared."""
    order = orders.by_number(number, who=auth.current())
    latest = session.scalars(
        payments.visible_to(auth.current()).where(Payment.order_id == order.id).order_by(Payment.id.desc()).limit(1)
    ).one_or_none()
    code = segno.make(latest.qr_text, error="m") if latest is not None and latest.qr_text else None
    return render_template("pay.html", order=order, payment=latest, code=code, methods=list(Method))


@blueprint.post("/orders/<number>/pay")
@requires(Permission.PAYMENT_START)
@once
def start(number: str) -> Response:
    """Choose a way to pay, or another one."""
    checkout.begin(number, request.form.get("method", ""), now=clock.now())
    return pages.redirect(url_for("orders_page.pay", number=number))


@blueprint.get("/tracking")
@public
def ask() -> Response:
    """Which parcel? Works without a script."""
    typed = request.args.get("number", "").strip()[:40]
    if not typed:
        return make_response(render_template("tracking.html", found=None))
    return pages.redirect(url_for("orders_page.follow", number=typed))


@blueprint.get("/tracking/<number>")
@public
def follow(number: str) -> str:
    """The public page of a parcel: where it is, with nobody's name on it."""
    found = tracking.public_view(
        number, tail=request.args.get("tail") or None, address=request.remote_addr or "", now=clock.now()
    )
    return render_template("tracking.html", found=found)


def _kinds(order: Order) -> dict[UUID, str]:
    """Which kind of goods each pack of an order is, for its drawing."""
    packs = [line.pack_id for line in order.lines if line.pack_id is not None]
    query = select(Pack.id, Product.kind).join(Product, Product.id == Pack.product_id).where(Pack.id.in_(packs))
    return {pack_id: str(kind) for pack_id, kind in session.execute(query)} if packs else {}


def parcels_of(order: Order) -> list[tuple[Parcel, list[tracking.Seen]]]:
    """The boxes of an order, each with its scans."""
    return [(box, tracking.events_of(box)) for box in fulfilment.parcels_of(order)[:BOXES_MAX]]
