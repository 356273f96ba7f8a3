"""The village shop restocks: what suppliers offer, my orders, what came and what was short."""

import re
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import select

from core import auth, clock
from core.auth import requires
from core.db import session
from core.errors import Refusal
from core.once import once
from core.permissions import Permission
from shop import receipts, restocking, supply, wholesale
from shop.shelf import ShelfStock
from shop.supply import SupplyOffer, SupplyStatus
from shop.wholesale import WholesaleOrder
from web import pages, station

blueprint = Blueprint("restock", __name__)
SHOWN = 100
CASES = re.compile(r"cases-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
COUNT = re.compile(r"(received|damaged)-(\d{8,14})")


@blueprint.get("/restock")
@requires(Permission.WHOLESALE_ORDER)
def offers() -> str:
    """What can be ordered, with case, tiers and delivery day."""
    return _offers(None)


@blueprint.post("/restock")
@requires(Permission.WHOLESALE_ORDER)
@once
def place() -> Response:
    """Order so many cases of each."""
    cases = {
        UUID(found[1]): int(typed[:6])
        for name, typed in request.form.items()
        if (found := CASES.fullmatch(name)) and typed.isdecimal() and int(typed[:6]) > 0
    }
    try:
        with session.begin_nested():
            order = restocking.place(list(cases.items()), by=auth.current().user_id, now=clock.now())
    except Refusal as refusal:
        return make_response(_offers(refusal), refusal.status)
    return pages.redirect(url_for("restock.show", number=order.number))


@blueprint.get("/restock/orders")
@requires(Permission.WHOLESALE_ORDER)
def mine() -> str:
    """My station's orders and its shelf."""
    place_ = station.mine(auth.current())
    query = wholesale.ordered_by(auth.current()).order_by(WholesaleOrder.id.desc()).limit(SHOWN)
    shelf = session.scalars(
        select(ShelfStock).where(ShelfStock.station_id == place_.id).order_by(ShelfStock.name).limit(SHOWN)
    ).all()
    return render_template("restock_orders.html", orders=session.scalars(query).all(), shelf=shelf)


@blueprint.get("/restock/orders/<number>")
@requires(Permission.WHOLESALE_ORDER)
def show(number: str) -> str:
    """One order; when it has arrived, the count."""
    return _order(number, None)


@blueprint.post("/restock/orders/<number>/receive")
@requires(Permission.WHOLESALE_RECEIVE)
@once
def receive(number: str) -> Response:
    """Count what came; the rest is short."""
    who = auth.current()
    counts: dict[str, dict[str, int]] = {}
    for name, typed in request.form.items():
        found = COUNT.fullmatch(name)
        if found and typed.strip().isdecimal():
            counts.setdefault(found[2], {})[found[1]] = int(typed[:7])
    try:
        with session.begin_nested():
            order = wholesale.find(number, among=wholesale.ordered_by(who))
            receipts.receive(
                order,
                [(code, receipts.Count(c.get("received", 0), c.get("damaged", 0))) for code, c in counts.items()],
                by=who.user_id,
                now=clock.now(),
            )
    except Refusal as refusal:
        return make_response(_order(number, refusal), refusal.status)
    return pages.redirect(url_for("restock.show", number=number))


def _offers(refusal: Refusal | None) -> str:
    found = session.scalars(
        supply.visible_to(auth.current())
        .where(SupplyOffer.status == SupplyStatus.LISTED)
        .order_by(SupplyOffer.supplier_id, SupplyOffer.name)
        .limit(SHOWN)
    ).all()
    return render_template("restock.html", offers=found, given=request.form, refusal=refusal)


def _order(number: str, refusal: Refusal | None) -> str:
    order = wholesale.find(number, among=wholesale.ordered_by(auth.current()))
    return render_template("restock_order.html", order=order, refusal=refusal, given=request.form)
