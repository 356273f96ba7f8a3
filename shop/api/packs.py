"""Packs over HTTP."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import public, requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Schema, Whole
from core.web import Blueprint
from shop import packs, products
from shop.api.texts import Line
from shop.packs import Pack, PackStatus
from shop.presale import ShipWindow

blueprint = Blueprint("packs", __name__, description="Packs: the sizes in which products are sold")

NET = validate.Range(1, 50_000)
TARE = validate.Range(0, 10_000)
PRICE = validate.Range(1, 10_000_000)
LIMIT = validate.Range(1, 1_000)
SHIPS_FROM = {"description": "A presale: the first day in which it leaves, in the house's zone; null for ready goods"}
SHIPS_BY = {"description": "A presale: the last day in which it leaves; orders are taken until the day before"}


class PackIn(Schema):
    """A new pack. The price holds for the net weight, freight included."""

    product_id = fields.UUID(required=True)
    name = Line(40, required=True)
    net_g = Whole(required=True, validate=NET)
    tare_g = Whole(load_default=0, validate=TARE)
    price_minor = Whole(required=True, validate=PRICE)
    per_buyer_limit = Whole(load_default=None, allow_none=True, validate=LIMIT)
    floor_minor = Whole(load_default=None, allow_none=True, validate=PRICE)
    ships_from = fields.Date(load_default=None, allow_none=True, metadata=SHIPS_FROM)
    ships_by = fields.Date(load_default=None, allow_none=True, metadata=SHIPS_BY)


class PackChange(Schema):
    """What may be changed; another weight is another pack."""

    name = Line(40)
    price_minor = Whole(validate=PRICE)
    per_buyer_limit = Whole(allow_none=True, validate=LIMIT)
    floor_minor = Whole(allow_none=True, validate=PRICE)
    ships_from = fields.Date(allow_none=True, metadata=SHIPS_FROM)
    ships_by = fields.Date(allow_none=True, metadata=SHIPS_BY)
    status = fields.Enum(PackStatus, by_value=True)


class PackOut(Schema):
    id = fields.UUID()
    product_id = fields.UUID()
    name = fields.String()
    net_g = fields.Integer()
    tare_g = fields.Integer()
    price_minor = fields.Integer()
    currency = fields.String()
    per_buyer_limit = fields.Integer(allow_none=True)
    ships_from = fields.Date(allow_none=True, metadata=SHIPS_FROM)
    ships_by = fields.Date(allow_none=True, metadata=SHIPS_BY)
    status = fields.String()


class PackList(PageArgs):
    """Which packs."""

    product_id = fields.UUID(load_default=None)


@blueprint.get("/packs")
@public
@blueprint.arguments(PackList, location="query")
@blueprint.response(200, page_schema(PackOut))
def list_packs(args: dict[str, Any]) -> Page[Pack]:
    """Packs on sale; for those who look after a farm, its stopped packs too."""
    query = packs.of_product(packs.visible_to(auth.current_or_none()), args.pop("product_id"))
    return page(query, model=Pack, **args)


@blueprint.post("/packs")
@requires(Permission.PACK_MANAGE)
@blueprint.arguments(PackIn)
@blueprint.response(201, PackOut)
def add(new: dict[str, Any]) -> Pack:
    """Sell a product in a new size, ready or as a presale."""
    who = auth.current()
    ships = ShipWindow(new.pop("ships_from"), new.pop("ships_by"))
    product = products.find(new.pop("product_id"), among=products.kept_by(who))
    return packs.add(product, **new, ships=ships, by=who.user_id, now=clock.now())


@blueprint.get("/packs/<uuid:pack_id>")
@public
@blueprint.response(200, PackOut)
def read(pack_id: UUID) -> Pack:
    """One pack."""
    return packs.find(pack_id, among=packs.visible_to(auth.current_or_none()))


@blueprint.patch("/packs/<uuid:pack_id>")
@requires(Permission.PACK_MANAGE)
@blueprint.arguments(PackChange)
@blueprint.response(200, PackOut)
def change(changes: dict[str, Any], pack_id: UUID) -> Pack:
    """Change name, price, limit, ship window or status; orders already placed keep theirs."""
    who = auth.current()
    return packs.change(packs.find(pack_id, among=packs.kept_by(who)), changes, by=who.user_id, now=clock.now())
