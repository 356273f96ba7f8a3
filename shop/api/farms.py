"""Farms over HTTP."""

from typing import Any
from uuid import UUID

from marshmallow import fields

from core import auth, clock
from core.auth import requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from shop import farms
from shop.api.texts import Line
from shop.farms import Farm

blueprint = Blueprint("farms", __name__, description="Farms: who grows and makes what is sold")


class FarmIn(Schema):
    """A new farm at a station. A station names the person who speaks for it; a farmer speaks for his own."""

    name = Line(40, required=True)
    station_id = fields.UUID(required=True)
    region_code = Line(12, required=True)
    household = fields.Boolean(load_default=True)
    member_phone = Line(32, load_default=None, allow_none=True)


class FarmChange(Schema):
    """What may be corrected."""

    name = Line(40)
    region_code = Line(12)
    household = fields.Boolean()


class FarmOut(Schema):
    id = fields.UUID()
    name = fields.String()
    station_id = fields.UUID()
    region_code = fields.String()
    household = fields.Boolean()
    created_at = Moment()


@blueprint.get("/farms")
@requires(Permission.FARM_MANAGE)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(FarmOut))
def list_farms(args: dict[str, Any]) -> Page[Farm]:
    """The farms that the caller looks after."""
    return page(farms.visible_to(auth.current()), model=Farm, **args)


@blueprint.post("/farms")
@requires(Permission.FARM_MANAGE)
@blueprint.arguments(FarmIn)
@blueprint.response(201, FarmOut)
def register(new: dict[str, Any]) -> Farm:
    """Take a farm in at a station."""
    return farms.take_in(**new, who=auth.current(), now=clock.now())


@blueprint.get("/farms/<uuid:farm_id>")
@requires(Permission.FARM_MANAGE)
@blueprint.response(200, FarmOut)
def read(farm_id: UUID) -> Farm:
    """One farm."""
    return farms.find(farm_id, who=auth.current())


@blueprint.patch("/farms/<uuid:farm_id>")
@requires(Permission.FARM_MANAGE)
@blueprint.arguments(FarmChange)
@blueprint.response(200, FarmOut)
def change(changes: dict[str, Any], farm_id: UUID) -> Farm:
    """Correct a farm."""
    who = auth.current()
    return farms.change(farms.find(farm_id, who=who), changes, by=who.user_id, now=clock.now())
