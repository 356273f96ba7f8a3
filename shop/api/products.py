"""Products over HTTP: the storefront for everybody, drafts for those who look after the farm."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import public, requires
from core.paging import Page, PageArgs, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from shop import catalogue, detail, farms, products
from shop.api.packs import PackOut
from shop.api.texts import Line
from shop.catalogue import Card, Village
from shop.products import Product, ProductKind, ProductStatus
from shop.search import QUERY_CHARACTERS_MAX

blueprint = Blueprint("products", __name__, description="Products: what farms sell, and the storefront")


PRESALE_FROM = {"description": "The first day on which a presale of it leaves, where one can be ordered now"}


class ProductIn(Schema):
    """A new product; `status` listed puts it on the storefront at once."""

    farm_id = fields.UUID(required=True)
    name = Line(40, required=True)
    kind = fields.Enum(ProductKind, by_value=True, load_default=ProductKind.FRESH)
    variety = Line(40, shortest=0, load_default="")
    description = fields.String(load_default="", validate=validate.Length(0, 2_000))
    origin_region_code = Line(12, load_default=None, allow_none=True)
    status = fields.Enum(ProductStatus, by_value=True, load_default=ProductStatus.DRAFT)


class ProductChange(Schema):
    """What may be changed; `status` lists and stops."""

    name = Line(40)
    kind = fields.Enum(ProductKind, by_value=True)
    variety = Line(40, shortest=0)
    description = fields.String(validate=validate.Length(0, 2_000))
    origin_region_code = Line(12)
    status = fields.Enum(ProductStatus, by_value=True)


class ProductOut(Schema):
    id = fields.UUID()
    farm_id = fields.UUID()
    name = fields.String()
    variety = fields.String()
    kind = fields.String()
    description = fields.String()
    origin_region_code = fields.String()
    status = fields.String()
    created_at = Moment()


class ProductSearch(PageArgs):
    """Which products."""

    q = fields.String(load_default="", validate=validate.Length(0, QUERY_CHARACTERS_MAX))
    farm_id = fields.UUID(load_default=None)
    village = fields.String(load_default=None, validate=validate.Regexp(r"^\d{2,12}\Z"))
    on_sale = fields.Boolean(load_default=False, metadata={"description": "Only what has something left today"})


class ProductCard(Schema):
    """A product as a list shows it."""

    id = fields.UUID()
    name = fields.String()
    variety = fields.String()
    kind = fields.String()
    status = fields.String()
    farm_id = fields.UUID()
    farm_name = fields.String()
    station_id = fields.UUID()
    origin_region_code = fields.String()
    origin_name = fields.String()
    village = fields.String()
    price_from_minor = fields.Integer(allow_none=True)
    currency = fields.String()
    left_g = fields.Integer()
    photo_id = fields.UUID(allow_none=True)
    presale_from = fields.Date(allow_none=True, metadata=PRESALE_FROM)


class PackOfferOut(Schema):
    """A pack and how many boxes can still be sold."""

    pack = fields.Nested(PackOut)
    left = fields.Integer()


class HarvestOut(Schema):
    """The harvest that the boxes come from."""

    code = fields.String()
    ready_on = fields.Date()
    best_before = fields.Date()
    weighed_at = Moment(allow_none=True)
    left_g = fields.Integer()


class PhotoOut(Schema):
    """A photo; its picture is at `/photos/{id}`."""

    id = fields.UUID()
    product_id = fields.UUID()
    width = fields.Integer()
    height = fields.Integer()
    position = fields.Integer()


class ProductDetail(ProductCard):
    """Everything the page of a product tells."""

    description = fields.String()
    station_name = fields.String()
    packs = fields.List(fields.Nested(PackOfferOut))
    lots = fields.List(fields.Nested(HarvestOut))
    photos = fields.List(fields.Nested(PhotoOut))


class VillageOut(Schema):
    """A place that has something on sale."""

    code = fields.String()
    name = fields.String()
    full_name = fields.String()
    products = fields.Integer()


@blueprint.get("/products")
@public
@blueprint.arguments(ProductSearch, location="query")
@blueprint.response(200, page_schema(ProductCard))
def search(wanted: dict[str, Any]) -> Page[Card]:
    """The storefront: products by words, farm or village, newest first."""
    return catalogue.search(wanted.pop("q"), who=auth.current_or_none(), now=clock.now(), **wanted)


@blueprint.get("/villages")
@public
@blueprint.response(200, VillageOut(many=True))
def villages() -> list[Village]:
    """The places that have something on sale today."""
    return catalogue.villages(now=clock.now())


@blueprint.post("/products")
@requires(Permission.PRODUCT_MANAGE)
@blueprint.arguments(ProductIn)
@blueprint.response(201, ProductOut)
def add(new: dict[str, Any]) -> Product:
    """Write a product down for a farm."""
    who = auth.current()
    farm = farms.find(new.pop("farm_id"), who=who)
    return products.add(farm, **new, by=who.user_id, now=clock.now())


@blueprint.get("/products/<uuid:product_id>")
@public
@blueprint.response(200, ProductDetail)
def read(product_id: UUID) -> dict[str, Any]:
    """A product with its packs, the harvest it comes from, and its photos."""
    found = detail.find(product_id, who=auth.current_or_none(), now=clock.now())
    return vars(found.card) | vars(found)


@blueprint.patch("/products/<uuid:product_id>")
@requires(Permission.PRODUCT_MANAGE)
@blueprint.arguments(ProductChange)
@blueprint.response(200, ProductOut)
def change(changes: dict[str, Any], product_id: UUID) -> Product:
    """Correct a product, put it on the storefront or take it off."""
    who = auth.current()
    product = products.find(product_id, among=products.kept_by(who))
    return products.change(product, changes, by=who.user_id, now=clock.now())
