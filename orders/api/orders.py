"""Orders over HTTP: place, list, read, cancel."""

from typing import Any
from uuid import UUID

import orjson
from flask import Response
from marshmallow import fields, validate
from sqlalchemy.orm import selectinload

from core import auth, bodies, clock, once
from core.auth import requires
from core.clock import LOCAL
from core.lane import Asked, Said
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema, Whole
from core.web import Blueprint
from logistics import addresses
from logistics.addresses import AddressIn
from orders import cancelling, fulfilment, intake, orders, presales, recipients, segments
from orders.claims import Claim, ClaimLine, Key
from orders.orders import Order
from orders.placed import Placed

blueprint = Blueprint("orders", __name__, url_prefix="/api/v1", description="Orders: from the basket to the door")


class OrderLineIn(Schema):
    """A pack at its list price, or a live offer at its live price. Nobody sends a price."""

    pack_id = fields.UUID()
    offer_id = fields.UUID()
    quantity = Whole(required=True)


class OrderIn(Schema):
    """What is wanted and where it goes."""

    lines = fields.List(fields.Nested(OrderLineIn), required=True)
    address = fields.Nested(AddressIn, required=True)

    def load(self, data: Any, **kwargs: Any) -> Any:
        """What is plainly right is taken as it is; only what is not is looked at field by field, and told so."""
        return _plainly(data) or super().load(data, **kwargs)


class PlacedOut(Schema):
    """The goods are held until `pay_by`."""

    id = fields.UUID()
    number = fields.String()
    status = fields.String()
    pay_by = Moment()
    total_minor = fields.Integer()
    currency = fields.String()


class OrderLineOut(Schema):
    id = fields.UUID()
    pack_id = fields.UUID()
    offer_id = fields.UUID(allow_none=True)
    product_name = fields.String()
    pack_name = fields.String()
    quantity = fields.Integer()
    net_g = fields.Integer()
    price_minor = fields.Integer()
    total_minor = fields.Integer()
    refunded_minor = fields.Integer()


class OrderBrief(Schema):
    """An order in a list."""

    number = fields.String()
    status = fields.String()
    channel = fields.String()
    total_minor = fields.Integer()
    refunded_minor = fields.Integer()
    currency = fields.String()
    placed_at = Moment()
    pay_by = Moment(allow_none=True)
    paid_at = Moment(allow_none=True)
    ships_from = fields.Date(allow_none=True, metadata={"description": "A presale: leaves from this day"})
    ships_by = fields.Date(allow_none=True, metadata={"description": "A presale: has left by the end of this day"})
    lines = fields.List(fields.Nested(OrderLineOut))


class RecipientOut(Schema):
    """In clear for the buyer, masked for everybody else."""

    name = fields.String()
    phone = fields.String()
    region_code = fields.String()
    region = fields.String()
    detail = fields.String()


class OrderMoveOut(Schema):
    was = fields.String(allow_none=True)
    became = fields.String()
    at = Moment()
    reason = fields.String()


class OrderParcelOut(Schema):
    number = fields.String()
    status = fields.String()
    contents = fields.String()


class SegmentOut(Schema):
    """What the host talked about when the order was placed."""

    offer_id = fields.UUID()
    number = fields.Integer()
    begins_at = Moment()
    ends_at = Moment(allow_none=True)


class OrderOut(OrderBrief):
    """One order with its way so far."""

    id = fields.UUID()
    completed_at = Moment(allow_none=True)
    misses_window = fields.Function(
        lambda order: presales.missed_by(order) is not None,
        metadata={"type": "boolean", "description": "A presale whose harvest will not be there in the agreed days"},
    )
    recipient = fields.Function(
        lambda order: RecipientOut().dump(recipients.shown_to(order, auth.current())) or None,
        metadata={"type": "object"},
    )
    segment = fields.Function(
        lambda order: SegmentOut().dump(segments.of_order(order)) or None, metadata={"type": "object"}
    )
    moves = fields.List(fields.Nested(OrderMoveOut))
    parcels = fields.Function(
        lambda order: OrderParcelOut(many=True).dump(fulfilment.parcels_of(order)), metadata={"type": "array"}
    )


class CancelIn(Schema):
    """Why, in the words of who cancels."""

    reason = fields.String(load_default="", validate=validate.Length(max=200))


@blueprint.post("/orders")
@requires(Permission.ORDER_PLACE)
@blueprint.arguments(OrderIn)
@blueprint.response(201, PlacedOut)
def place(new: dict[str, Any]) -> Response:
    """Place an order; its goods are held for fifteen minutes."""
    placed = intake.ask(_claim(auth.current().user_id, new, Key(*once.hashes())), now=clock.now())
    return Response(_said(placed), 201, dict(_marks(placed)), mimetype="application/json")


PATH = "/api/v1/orders"


def place_plainly(asked: Asked) -> Said | None:
    """The same for a body that is plainly right, by the lane."""
    try:
        new = _plainly(bodies.load(asked.content))
    except bodies.BodyUnreadable:
        return None
    if new is None:
        return None
    key = Key(*once.hashes_of(PATH, asked.key, asked.content))
    placed = intake.ask(_claim(asked.who.user_id, new, key), now=clock.now())
    return Said(201, _said(placed), _marks(placed))


def _claim(buyer_id: UUID, new: dict[str, Any], key: Key) -> Claim:
    lines = tuple(ClaimLine(**line) for line in new["lines"])
    return Claim(buyer_id=buyer_id, lines=lines, address=addresses.parse(new["address"]), key=key)


def _plainly(data: Any) -> dict[str, Any] | None:
    """The order when it has exactly the shape of `OrderIn`: a hundredth of the time of looking for faults."""
    try:
        lines, address = data["lines"], data["address"]
        if (
            len(data) != 2
            or type(lines) is not list
            or address.keys() != ADDRESS
            or not all(map(_short, address.values()))
        ):
            return None
        return {"lines": [_line(**line) for line in lines], "address": address}
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


ADDRESS = {"name", "phone", "region_code", "detail"}


def _short(text: Any) -> bool:
    return type(text) is str and len(text) <= addresses.FIELD_MAX


def _line(quantity: Any, **thing: Any) -> dict[str, Any]:
    """Raises TypeError, ValueError."""
    ((name, value),) = thing.items()
    if type(quantity) is not int or type(value) is not str or name not in ("pack_id", "offer_id"):
        raise TypeError(name)
    return {"quantity": quantity, name: UUID(value)}


def _said(placed: Placed) -> bytes:
    """A `PlacedOut`, written by hand: in a live sale this is done more often than all else together."""
    said = {
        "id": str(placed.id),
        "number": placed.number,
        "status": placed.status,
        "pay_by": placed.pay_by.astimezone(LOCAL).isoformat(),
        "total_minor": placed.total_minor,
        "currency": placed.currency,
    }
    return orjson.dumps(said)


def _marks(placed: Placed) -> tuple[tuple[str, str], ...]:
    return (("Idempotent-Replayed", "true"),) if placed.repeated else ()


@blueprint.get("/orders")
@requires(Permission.ORDER_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(OrderBrief))
def list_orders(args: dict[str, Any]) -> Page[Order]:
    """One's own orders, and those of one's farm, live room, station or branch; newest first."""
    return page(orders.visible_to(auth.current()).options(selectinload(Order.lines)), model=Order, **args)


@blueprint.get("/orders/<number>")
@requires(Permission.ORDER_READ)
@blueprint.response(200, OrderOut)
def read(number: str) -> Order:
    """One order, with its way so far."""
    return orders.by_number(number, who=auth.current())


@blueprint.post("/orders/<number>/cancel")
@requires(Permission.ORDER_CANCEL)
@blueprint.arguments(CancelIn)
@blueprint.response(200, OrderBrief)
def cancel(why: dict[str, str], number: str) -> Order:
    """Call an order off that is not packed yet; what was paid goes back by itself."""
    who = auth.current()
    order = orders.by_number(number, who=who, among=orders.changeable_by(who))
    cancelling.cancel(order, by=who.user_id, now=clock.now(), reason=why["reason"])
    return order
