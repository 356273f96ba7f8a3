"""Wholesale orders over HTTP: a station orders, a supplier confirms and delivers, the station counts in."""

from typing import Any

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.once import once
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema, Whole
from core.web import Blueprint
from shop import receipts, restocking, shelf, wholesale
from shop.api.texts import Line
from shop.receipts import Count
from shop.restocking import LINES_MAX
from shop.shelf import ShelfStock
from shop.supply import CASE_FACTOR_MAX, CASES_MAX
from shop.wholesale import WholesaleOrder

blueprint = Blueprint("wholesale-orders", __name__, description="Wholesale: goods for the shelves of stations")

LINES = validate.Length(1, LINES_MAX)
UNITS = validate.Range(0, CASES_MAX * CASE_FACTOR_MAX)


class WholesaleLineIn(Schema):
    """So many cases of a good."""

    offer_id = fields.UUID(required=True)
    cases = Whole(required=True, validate=validate.Range(1, CASES_MAX))


class WholesaleOrderIn(Schema):
    """Goods of one supplier for the station where the caller works. The same good twice is summed."""

    lines = fields.List(fields.Nested(WholesaleLineIn), required=True, validate=LINES)


class WholesaleCancel(Schema):
    """Why it is taken back."""

    reason = Line(200, required=True)


class CountIn(Schema):
    """What the scanner saw of one good, in units. Scans of one good may come in several rows."""

    barcode = Line(20, required=True)
    received_units = Whole(required=True, validate=UNITS)
    damaged_units = Whole(load_default=0, validate=UNITS)


class ReceiptIn(Schema):
    """Everything that was counted; what is not named is short."""

    lines = fields.List(fields.Nested(CountIn), required=True, validate=validate.Length(0, 1_000))


class WholesaleLineOut(Schema):
    position = fields.Integer()
    offer_id = fields.UUID()
    barcode = fields.String()
    name = fields.String()
    unit = fields.String()
    case_factor = fields.Integer()
    cases = fields.Integer()
    units = fields.Integer()
    price_minor = fields.Integer()
    total_minor = fields.Integer()
    received_units = fields.Integer(allow_none=True)
    short_units = fields.Integer(allow_none=True)
    damaged_units = fields.Integer(allow_none=True)


class WholesaleOrderOut(Schema):
    """An order with its lines; `payable_minor` is what the supplier gets once the goods are counted."""

    id = fields.UUID()
    number = fields.String()
    station_id = fields.UUID()
    supplier_id = fields.UUID()
    status = fields.String()
    total_minor = fields.Integer()
    payable_minor = fields.Integer(allow_none=True)
    currency = fields.String()
    deliver_on = fields.Date()
    placed_at = Moment()
    lines = fields.List(fields.Nested(WholesaleLineOut))


class ShelfOut(Schema):
    """So many units of one good on a station's shelf."""

    id = fields.UUID()
    station_id = fields.UUID()
    barcode = fields.String()
    name = fields.String()
    unit = fields.String()
    on_hand_units = fields.Integer()


@blueprint.get("/wholesale/orders")
@requires(Permission.WHOLESALE_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(WholesaleOrderOut))
def list_orders(args: dict[str, Any]) -> Page[WholesaleOrder]:
    """The orders of the caller's stations, and those to his supplier."""
    return page(wholesale.visible_to(auth.current()), model=WholesaleOrder, **args)


@blueprint.post("/wholesale/orders")
@requires(Permission.WHOLESALE_ORDER)
@once
@blueprint.arguments(WholesaleOrderIn)
@blueprint.response(201, WholesaleOrderOut)
def place(new: dict[str, Any]) -> WholesaleOrder:
    """Order goods."""
    lines = [(line["offer_id"], line["cases"]) for line in new["lines"]]
    return restocking.place(lines, by=auth.current().user_id, now=clock.now())


@blueprint.get("/wholesale/orders/<number>")
@requires(Permission.WHOLESALE_READ)
@blueprint.response(200, WholesaleOrderOut)
def read(number: str) -> WholesaleOrder:
    """One order."""
    return wholesale.find(number, among=wholesale.visible_to(auth.current()))


@blueprint.post("/wholesale/orders/<number>/confirm")
@requires(Permission.WHOLESALE_SUPPLY)
@blueprint.response(200, WholesaleOrderOut)
def confirm(number: str) -> WholesaleOrder:
    """The supplier will deliver."""
    who = auth.current()
    order = wholesale.find(number, among=wholesale.supplied_by(who))
    return wholesale.confirm(order, by=who.user_id, now=clock.now())


@blueprint.post("/wholesale/orders/<number>/cancel")
@requires(Permission.WHOLESALE_READ)
@blueprint.arguments(WholesaleCancel)
@blueprint.response(200, WholesaleOrderOut)
def cancel(why: dict[str, str], number: str) -> WholesaleOrder:
    """Either side takes an order back, as long as the goods have not left."""
    who = auth.current()
    order = wholesale.find(number, among=wholesale.dealt_by(who))
    return wholesale.cancel(order, **why, by=who.user_id, now=clock.now())


@blueprint.post("/wholesale/orders/<number>/deliver")
@requires(Permission.WHOLESALE_SUPPLY)
@once
@blueprint.response(200, WholesaleOrderOut)
def deliver(number: str) -> WholesaleOrder:
    """Hand the goods to the branch: a carton a line is registered for the van to the station."""
    who = auth.current()
    order = wholesale.find(number, among=wholesale.supplied_by(who))
    return wholesale.ship(order, by=who.user_id, now=clock.now())


@blueprint.post("/wholesale/orders/<number>/receive")
@requires(Permission.WHOLESALE_RECEIVE)
@once
@blueprint.arguments(ReceiptIn)
@blueprint.response(200, WholesaleOrderOut)
def receive(receipt: dict[str, Any], number: str) -> WholesaleOrder:
    """Count the goods in: shelf stock and books follow."""
    who = auth.current()
    order = wholesale.find(number, among=wholesale.ordered_by(who))
    scans = [(row["barcode"], Count(row["received_units"], row["damaged_units"])) for row in receipt["lines"]]
    return receipts.receive(order, scans, by=who.user_id, now=clock.now())


@blueprint.get("/wholesale/shelf")
@requires(Permission.WHOLESALE_RECEIVE)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(ShelfOut))
def list_shelf(args: dict[str, Any]) -> Page[ShelfStock]:
    """What stands on the shelves of the caller's stations."""
    return page(shelf.visible_to(auth.current()), model=ShelfStock, **args)
