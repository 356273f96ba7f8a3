"""Postage over HTTP: what a box would cost today."""

from typing import Any

from marshmallow import validate
from webargs import fields

from core import clock
from core.auth import public
from core.schemas import Schema
from core.web import Blueprint
from logistics import tariffs
from logistics.tariffs import Quote

blueprint = Blueprint("tariffs", __name__, description="What the post charges")


class QuoteArgs(Schema):
    """A box and its way. The three sides are given together or not at all."""

    from_region = fields.String(required=True, validate=validate.Length(max=12))
    to_region = fields.String(required=True, validate=validate.Length(max=12))
    weight_g = fields.Integer(required=True)
    size_mm = fields.DelimitedList(fields.Integer(), metadata={"description": "400,300,200"})


class QuoteOut(Schema):
    """The fee, and everything that it was reckoned from."""

    fee_minor = fields.Integer()
    currency = fields.String()
    chargeable_g = fields.Integer()
    tariff_id = fields.UUID()
    inputs = fields.Dict()


@blueprint.get("/tariffs/quote")
@public
@blueprint.arguments(QuoteArgs, location="query")
@blueprint.response(200, QuoteOut)
def quote(args: dict[str, Any]) -> Quote:
    """What a box costs on its way today, by the tariff in force."""
    return tariffs.quote(**args, now=clock.now())
