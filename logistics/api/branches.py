"""Branches over HTTP."""

from typing import Any
from uuid import UUID

from marshmallow import fields

from core import auth, clock
from core.auth import requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Schema
from core.web import Blueprint
from logistics import branches, stations
from logistics.api.stations import StationIn, StationOut
from logistics.branches import Branch
from logistics.stations import Station

blueprint = Blueprint("branches", __name__, description="Branches: a van, a head, stations around it")


class BranchOut(Schema):
    """A branch and who answers for it."""

    id = fields.UUID()
    code = fields.String()
    name = fields.String()
    region_code = fields.String()
    head_id = fields.UUID()
    opened_on = fields.Date()


@blueprint.get("/branches")
@requires(Permission.STATION_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(BranchOut))
def list_branches(args: dict[str, Any]) -> Page[Branch]:
    """The branches that the caller works for; the province sees all."""
    return page(branches.visible_to(auth.current()), model=Branch, **args)


@blueprint.get("/branches/<uuid:branch_id>")
@requires(Permission.STATION_READ)
@blueprint.response(200, BranchOut)
def read(branch_id: UUID) -> Branch:
    """One branch."""
    return branches.find(branch_id, who=auth.current())


@blueprint.post("/branches/<uuid:branch_id>/stations")
@requires(Permission.STATION_MANAGE)
@blueprint.arguments(StationIn)
@blueprint.response(201, StationOut)
def open_station(new: dict[str, Any], branch_id: UUID) -> Station:
    """Open a station of this branch."""
    who = auth.current()
    return stations.open_station(branches.find(branch_id, who=who), **new, by=who.user_id, now=clock.now())
