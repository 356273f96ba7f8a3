"""From a product or a live offer to a held order and its payment."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from sqlalchemy import select

from core import auth, clock, sealed
from core.auth import Who, requires
from core.db import session
from core.errors import Conflict, Malformed, Refusal
from core.i18n import _
from core.once import hashes, once
from core.permissions import Permission
from core.settings import settings
from logistics import addresses, regions
from orders import goods, intake, paying
from orders.claims import Claim, ClaimLine, Key
from orders.goods import Goods
from orders.orders import Channel, Order, by_number
from orders.payments import Method
from orders.placed import Placed
from shop.presale import ShipWindow
from shop.products import ProductKind
from web import pages

blueprint = Blueprint("checkout", __name__)
CANDIDATES = 6
FIELDS = ("name", "phone", "region", "region_code", "detail", "quantity", "method", "pack", "offer")


class FreshUnconfirmed(Malformed):
    """The exclusion of returns for fresh goods has to be read before paying (消费者权益保护法, 25)."""

    message = _("请先看一眼鲜果的规矩，再打勾。")


class PresaleUnconfirmed(Malformed):
    """The days in which a presale leaves have to be agreed to, and those days only."""

    message = _("请先看一眼预售的发货日子，再打勾。")


class PriceChanged(Conflict):
    """The host has changed the price since the buyer saw it; nobody pays another one unasked."""

    message = _("价格刚刚变了，请看一眼再下单。")


class MethodUnknown(Malformed):
    """No such way to pay."""

    message = _("请选一种付款方式。")


class RegionUnclear(Malformed):
    """The text fits several regions, or none."""

    message = _("地区没认出来，请在下面选一个，或者写成“湖南省 长沙市 岳麓区”这样。")


@blueprint.get("/checkout")
@requires(Permission.ORDER_PLACE)
def form() -> str:
    """The form, filled with the address of the last order."""
    asked = {name: value[:120] for name, value in request.args.items() if name in FIELDS and value}
    known = {"quantity": "1", "method": Method.WECHAT_PAY.value} | last_address(auth.current())
    given = dict.fromkeys(FIELDS, "") | known | asked
    return _form(given, None)


@blueprint.post("/checkout")
@requires(Permission.ORDER_PLACE)
@once
def place() -> Response:
    """Hold the goods and open the payment; goes on to the page where one pays."""
    given = {name: request.form.get(name, "")[:400] for name in FIELDS}
    now = clock.now()
    try:
        with session.begin_nested():
            order = _place(given)
            begin(order.number, given["method"], now=now)
    except Refusal as refusal:
        return make_response(_form(given, refusal), refusal.status)
    return pages.redirect(url_for("orders_page.pay", number=order.number))


@blueprint.post("/checkout/again")
@requires(Permission.ORDER_PLACE)
@once
def again() -> Response:
    """One tap: a box of what the live room shows, to the address of one's last order, at the price that was shown."""
    given = dict.fromkeys(FIELDS, "") | last_address(auth.current())
    given |= {"quantity": "1", "method": Method.WECHAT_PAY.value, "offer": request.form.get("offer", "")[:40]}
    try:
        with session.begin_nested():
            if _goods(_line(given)).price_minor != request.form.get("price_minor", type=int):
                raise PriceChanged()
            order = _place(given)
            begin(order.number, given["method"], now=clock.now())
    except Refusal as refusal:
        return make_response(_form(given, refusal), refusal.status)
    return pages.redirect(url_for("orders_page.pay", number=order.number))


@blueprint.get("/checkout/regions")
@requires(Permission.ORDER_PLACE)
def suggest() -> dict[str, Any]:
    """Regions that a text may mean, for the suggestions under the field."""
    return {"items": [{"code": r.code, "name": r.full_name} for r in _candidates(request.args.get("q", ""))]}


def begin(number: str, method: str, *, now: datetime) -> None:
    """Open the payment of one's own order; cash waits for the counter."""
    if method not in set(Method):
        raise MethodUnknown()
    if method == Method.CASH:
        return
    order = by_number(number, who=auth.current())
    back = settings().public_url + url_for("orders_page.pay", number=number)
    paying.start(order, Method(method), return_url=back, by=auth.current().user_id, now=now)


def _place(given: dict[str, str]) -> Placed:
    line = _line(given)
    wanted = _goods(line)
    if wanted.product_kind is ProductKind.FRESH and not request.form.get("fresh"):
        raise FreshUnconfirmed()
    if wanted.ships.is_presale and request.form.get("presale") != agreement(wanted.ships):
        raise PresaleUnconfirmed()
    address = addresses.parse(
        {"name": given["name"], "phone": given["phone"], "region_code": _region(given), "detail": given["detail"]}
    )
    channel = Channel.LIVE if line.offer_id else Channel.WEB
    claim = Claim(auth.current().user_id, (line,), address, channel, Key(*hashes()))
    return intake.ask(claim, now=clock.now())


def agreement(ships: ShipWindow) -> str:
    """What a buyer sends who agrees to these days: when others have come since, she is asked again."""
    return f"{ships.ships_from}/{ships.ships_by}"


def _line(given: dict[str, str]) -> ClaimLine:
    quantity = int(given["quantity"]) if given["quantity"].isdecimal() and len(given["quantity"]) < 6 else 0
    try:
        pack = UUID(given["pack"]) if given["pack"] and not given["offer"] else None
        offer = UUID(given["offer"]) if given["offer"] else None
    except ValueError:
        abort(404)
    return ClaimLine(quantity=quantity, pack_id=pack, offer_id=offer)


def _region(given: dict[str, str]) -> str:
    """The code that was chosen, or the only one that the text can mean."""
    if given["region_code"]:
        return given["region_code"]
    found = _candidates(given["region"])
    exact = [region for region in found if region.full_name == given["region"].replace(" ", "")]
    fits = exact or found
    if len(fits) != 1:
        raise RegionUnclear()
    return fits[0].code


def _candidates(words: str) -> list[regions.Region]:
    found = regions.search(words[:60], limit=CANDIDATES * 3)
    return [region for region in found if len(region.code) >= regions.DELIVERABLE_DIGITS][:CANDIDATES]


def _goods(line: ClaimLine) -> Goods:
    """What the line stands for. Raises PackUnknown, OfferUnknown, NotOnAir and the like."""
    return goods.read([line], now=clock.now()).find(line)


def _form(given: dict[str, str], refusal: Refusal | None) -> str:
    unclear = isinstance(refusal, RegionUnclear)
    shown = _goods(_line(given))
    return render_template(
        "checkout.html",
        given=given,
        refusal=refusal,
        shown=shown,
        agreement=agreement(shown.ships),
        candidates=_candidates(given.get("region", "")) if unclear else [],
    )


def last_address(who: Who) -> dict[str, str]:
    """One's own last address, so that the second order is one tap."""
    last = session.scalars(
        select(Order)
        .where(Order.buyer_id == who.user_id, Order.name_sealed.is_not(None))
        .order_by(Order.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None or last.region_code is None:
        return {}
    opened = {field: sealed.open_field(last, field) for field in ("name", "phone", "detail")}
    return opened | {
        "phone": opened["phone"].removeprefix("+86"),
        "region_code": last.region_code,
        "region": regions.full_name(last.region_code),
    }
