"""Regions over HTTP: found by name, or walked down from the provinces."""

from typing import Any

from marshmallow import fields, validate

from core.auth import public
from core.schemas import Schema
from core.web import Blueprint
from logistics import regions
from logistics.regions import Region

blueprint = Blueprint("regions", __name__, description="Administrative divisions of China")


class RegionArgs(Schema):
    """Words to find, or a region whose parts are wanted; without either, the provinces."""

    q = fields.String(load_default=None, validate=validate.Length(max=regions.QUERY_MAX))
    parent = fields.String(load_default=None, validate=validate.Regexp(r"[0-9]{2,9}\Z"))
    limit = fields.Integer(load_default=20, validate=validate.Range(1, regions.SEARCH_LIMIT_MAX))


class RegionOut(Schema):
    """A division; points and postcodes are known of counties only."""

    code = fields.String()
    name = fields.String()
    full_name = fields.String()
    parent_code = fields.String(allow_none=True)
    level = fields.String()
    longitude = fields.Decimal(as_string=True, allow_none=True)
    latitude = fields.Decimal(as_string=True, allow_none=True)
    postcode = fields.String(allow_none=True)


class RegionListOut(Schema):
    """Bounded by its nature: never more than 200."""

    items = fields.List(fields.Nested(RegionOut))


@blueprint.get("/regions")
@public
@blueprint.arguments(RegionArgs, location="query")
@blueprint.response(200, RegionListOut)
def list_regions(args: dict[str, Any]) -> dict[str, list[Region]]:
    """Regions by name, from two characters on; or the parts of a region."""
    if args["q"] is not None:
        return {"items": regions.search(args["q"], limit=args["limit"])}
    return {"items": regions.children(args["parent"])}


@blueprint.get("/regions/<code>")
@public
@blueprint.response(200, RegionOut)
def read(code: str) -> Region:
    """One region."""
    return regions.read(code)
