"""Harvest lots over HTTP: open, correct, weigh in, write off."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema, Whole
from core.web import Blueprint
from shop import harvest, lots, products
from shop.api.texts import Line
from shop.lots import GRAMS_MAX, HarvestLot, LotStatus

blueprint = Blueprint("lots", __name__, description="Harvest lots: what can be picked, and what came of it")

GRAMS = validate.Range(1, GRAMS_MAX)
FACTOR = validate.Range(1, 10_000)


class LotIn(Schema):
    """A new lot: low, likely and high estimate in grams; the low one, times the factor, is sold."""

    product_id = fields.UUID(required=True)
    low_g = Whole(required=True, validate=GRAMS)
    likely_g = Whole(required=True, validate=GRAMS)
    high_g = Whole(required=True, validate=GRAMS)
    sell_factor_bp = Whole(load_default=10_000, validate=FACTOR)
    ready_on = fields.Date(required=True)
    best_before = fields.Date(required=True)


class LotChange(Schema):
    """What may be corrected; the estimate only before the weigh-in."""

    low_g = Whole(validate=GRAMS)
    likely_g = Whole(validate=GRAMS)
    high_g = Whole(validate=GRAMS)
    sell_factor_bp = Whole(validate=FACTOR)
    ready_on = fields.Date()
    best_before = fields.Date()
    status = fields.Enum(LotStatus, by_value=True)


class LotOut(Schema):
    """A lot and where it is: `left_g` can still be promised, `short_g` is promised and lacks."""

    id = fields.UUID()
    code = fields.String()
    product_id = fields.UUID()
    low_g = fields.Integer()
    likely_g = fields.Integer()
    high_g = fields.Integer()
    sell_factor_bp = fields.Integer()
    ceiling_g = fields.Integer()
    on_hand_g = fields.Integer()
    allocated_g = fields.Integer()
    held_g = fields.Integer()
    short_g = fields.Integer()
    shipped_g = fields.Integer()
    lost_g = fields.Integer()
    left_g = fields.Integer()
    weighed_at = Moment(allow_none=True)
    ready_on = fields.Date()
    best_before = fields.Date()
    status = fields.String()


class LotList(PageArgs):
    """Which lots."""

    product_id = fields.UUID(load_default=None)
    short = fields.Boolean(load_default=False, metadata={"description": "Only lots that have promised too much"})


class LotWeighIn(Schema):
    """All that was picked for the lot, boxes already gone and losses included."""

    weighed_g = Whole(required=True, validate=validate.Range(0, GRAMS_MAX))


class LotWriteOff(Schema):
    """What is spoilt, and why."""

    grams = Whole(required=True, validate=GRAMS)
    reason = Line(200, required=True)


@blueprint.get("/lots")
@requires(Permission.LOT_MANAGE)
@blueprint.arguments(LotList, location="query")
@blueprint.response(200, page_schema(LotOut))
def list_lots(args: dict[str, Any]) -> Page[HarvestLot]:
    """The lots of the farms that the caller looks after."""
    query = lots.narrowed(lots.visible_to(auth.current()), product_id=args.pop("product_id"), short=args.pop("short"))
    return page(query, model=HarvestLot, **args)


@blueprint.post("/lots")
@requires(Permission.LOT_MANAGE)
@blueprint.arguments(LotIn)
@blueprint.response(201, LotOut)
def add(new: dict[str, Any]) -> HarvestLot:
    """Open a lot; it can be sold from its ready day to its best-before day."""
    who = auth.current()
    product = products.find(new.pop("product_id"), among=products.kept_by(who))
    return lots.add(product, **new, by=who.user_id, now=clock.now())


@blueprint.get("/lots/<uuid:lot_id>")
@requires(Permission.LOT_MANAGE)
@blueprint.response(200, LotOut)
def read(lot_id: UUID) -> HarvestLot:
    """One lot."""
    return lots.find(lot_id, who=auth.current())


@blueprint.patch("/lots/<uuid:lot_id>")
@requires(Permission.LOT_MANAGE)
@blueprint.arguments(LotChange)
@blueprint.response(200, LotOut)
def change(changes: dict[str, Any], lot_id: UUID) -> HarvestLot:
    """Correct dates or status, or the estimate before the weigh-in."""
    who = auth.current()
    return harvest.change(lots.find(lot_id, who=who), changes, by=who.user_id, now=clock.now())


@blueprint.post("/lots/<uuid:lot_id>/weigh-in")
@requires(Permission.LOT_MANAGE)
@blueprint.arguments(LotWeighIn)
@blueprint.response(200, LotOut)
def weigh_in(scale: dict[str, int], lot_id: UUID) -> HarvestLot:
    """Let the scale take the place of the estimate; what lacks then is recorded as a shortage."""
    who = auth.current()
    return harvest.weigh_in(lots.find(lot_id, who=who), **scale, by=who.user_id, now=clock.now())


@blueprint.post("/lots/<uuid:lot_id>/write-off")
@requires(Permission.LOT_MANAGE)
@blueprint.arguments(LotWriteOff)
@blueprint.response(200, LotOut)
def write_off(loss: dict[str, Any], lot_id: UUID) -> HarvestLot:
    """Take spoilt produce out of the lot."""
    who = auth.current()
    return harvest.write_off(lots.find(lot_id, who=who), **loss, by=who.user_id, now=clock.now())
