"""Supply offers over HTTP: what a supplier sells by the case, and what a station may order."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Schema, Whole
from core.web import Blueprint
from shop import suppliers, supply
from shop.api.texts import Line
from shop.supply import CASE_FACTOR_MAX, CASES_MAX, PRICE_MAX_MINOR, TIERS_MAX, SupplyOffer, SupplyStatus

blueprint = Blueprint("wholesale-offers", __name__, description="Wholesale: what suppliers sell by the case")


class TierIn(Schema):
    """From so many cases on, a case costs so many fen."""

    from_cases = Whole(required=True, validate=validate.Range(1, CASES_MAX))
    price_minor = Whole(required=True, validate=validate.Range(1, PRICE_MAX_MINOR))


class SupplyOfferIn(Schema):
    """A good by the case. The first tier begins at the smallest order; more cases never cost more each."""

    barcode = Line(20, required=True)
    name = Line(60, required=True)
    unit = Line(8, required=True)
    case_factor = Whole(required=True, validate=validate.Range(1, CASE_FACTOR_MAX))
    min_cases = Whole(load_default=1, validate=validate.Range(1, CASES_MAX))
    tiers = fields.List(fields.Nested(TierIn), required=True, validate=validate.Length(1, TIERS_MAX))
    delivery_weekday = Whole(required=True, validate=validate.Range(1, 7))


class SupplyOfferChange(Schema):
    """New prices, or stopped and listed again."""

    tiers = fields.List(fields.Nested(TierIn), validate=validate.Length(1, TIERS_MAX))
    status = fields.Enum(SupplyStatus, by_value=True)


class TierOut(Schema):
    from_cases = fields.Integer()
    price_minor = fields.Integer()


class SupplyOfferOut(Schema):
    id = fields.UUID()
    supplier_id = fields.UUID()
    supplier = fields.String(attribute="supplier.name")
    barcode = fields.String()
    name = fields.String()
    unit = fields.String()
    case_factor = fields.Integer()
    min_cases = fields.Integer()
    tiers = fields.List(fields.Nested(TierOut))
    currency = fields.String()
    delivery_weekday = fields.Integer()
    status = fields.String()


@blueprint.get("/wholesale/offers")
@requires(Permission.WHOLESALE_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(SupplyOfferOut))
def list_offers(args: dict[str, Any]) -> Page[SupplyOffer]:
    """For a station what it can order, for a supplier its own goods."""
    return page(supply.visible_to(auth.current()), model=SupplyOffer, **args)


@blueprint.post("/wholesale/offers")
@requires(Permission.SUPPLY_MANAGE)
@blueprint.arguments(SupplyOfferIn)
@blueprint.response(201, SupplyOfferOut)
def add(new: dict[str, Any]) -> SupplyOffer:
    """Offer a good to the stations."""
    who = auth.current()
    tiers = _tiers(new.pop("tiers"))
    return supply.add(suppliers.of_user(who.user_id), **new, tiers=tiers, by=who.user_id, now=clock.now())


@blueprint.get("/wholesale/offers/<uuid:offer_id>")
@requires(Permission.WHOLESALE_READ)
@blueprint.response(200, SupplyOfferOut)
def read(offer_id: UUID) -> SupplyOffer:
    """One good."""
    return supply.find(offer_id, among=supply.visible_to(auth.current()))


@blueprint.patch("/wholesale/offers/<uuid:offer_id>")
@requires(Permission.SUPPLY_MANAGE)
@blueprint.arguments(SupplyOfferChange)
@blueprint.response(200, SupplyOfferOut)
def change(changes: dict[str, Any], offer_id: UUID) -> SupplyOffer:
    """Ask other prices, stop a good, or list it again; orders already placed keep their prices."""
    who = auth.current()
    offer = supply.find(offer_id, among=supply.kept_by(who))
    tiers = _tiers(changes["tiers"]) if "tiers" in changes else None
    return supply.change(offer, tiers=tiers, status=changes.get("status"), by=who.user_id, now=clock.now())


def _tiers(rows: list[dict[str, int]]) -> list[tuple[int, int]]:
    return [(row["from_cases"], row["price_minor"]) for row in rows]
