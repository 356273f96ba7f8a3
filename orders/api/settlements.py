"""Settlements over HTTP: what each party is owed."""

from typing import Any

from marshmallow import fields, validate

from core import auth
from core.auth import requires
from core.paging import LIMIT_MAX
from core.permissions import Permission
from core.schemas import Schema
from core.web import Blueprint
from orders import settlements

blueprint = Blueprint(
    "settlements", __name__, url_prefix="/api/v1", description="What farms, stations, hosts and branches are owed"
)


class SettlementArgs(Schema):
    """Where to go on and how many rows."""

    after = fields.String(load_default=None)
    limit = fields.Integer(load_default=LIMIT_MAX, validate=validate.Range(1, LIMIT_MAX))


class OwedOut(Schema):
    account = fields.String()
    party = fields.String()
    owner_id = fields.UUID()
    name = fields.String()
    owed_minor = fields.Integer()
    entries = fields.Integer()


class OwedPage(Schema):
    items = fields.List(fields.Nested(OwedOut))
    next = fields.String(allow_none=True)


@blueprint.get("/settlements")
@requires(Permission.LEDGER_READ)
@blueprint.arguments(SettlementArgs, location="query")
@blueprint.response(200, OwedPage)
def list_owed(args: dict[str, Any]) -> dict[str, Any]:
    """What is owed to those whose accounts the caller may see."""
    found = settlements.owed(auth.current(), **args)
    return {"items": found, "next": found[-1].account if len(found) == args["limit"] else None}
