"""The supplier's desk: orders to confirm and to hand to the branch, and what is offered."""

from flask import Blueprint, Response, render_template, url_for

from core import auth, clock
from core.auth import requires
from core.db import session
from core.once import once
from core.permissions import Permission
from shop import supply, wholesale
from shop.supply import SupplyOffer
from shop.wholesale import WholesaleOrder
from web import pages

blueprint = Blueprint("supplier", __name__)
SHOWN = 100


@blueprint.get("/supplier")
@requires(Permission.WHOLESALE_SUPPLY)
def desk() -> str:
    """Orders, newest first, and my offers."""
    who = auth.current()
    orders = session.scalars(wholesale.supplied_by(who).order_by(WholesaleOrder.id.desc()).limit(SHOWN)).all()
    offers = session.scalars(supply.visible_to(who).order_by(SupplyOffer.name).limit(SHOWN)).all()
    return render_template("supplier.html", orders=orders, offers=offers)


@blueprint.post("/supplier/<number>/<any(confirm, ship):deed>")
@requires(Permission.WHOLESALE_SUPPLY)
@once
def act(number: str, deed: str) -> Response:
    """Confirm an order, or hand its cartons to the branch."""
    who, now = auth.current(), clock.now()
    order = wholesale.find(number, among=wholesale.supplied_by(who))
    if deed == "confirm":
        wholesale.confirm(order, by=who.user_id, now=now)
    else:
        wholesale.ship(order, by=who.user_id, now=now)
    return pages.redirect(url_for("supplier.desk"))
