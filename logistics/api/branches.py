"""Branches over HTTP."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Schema
from core.web import Blueprint
from logistics import branches, staff, stations
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


class HeadIn(Schema):
    """A person who has signed up, by phone."""

    head_phone = fields.String(required=True, validate=validate.Length(max=32))


class BranchIn(HeadIn):
    """A new branch; its code is the four digits of its city and two of its own."""

    code = fields.String(required=True, validate=validate.Length(max=20))
    name = fields.String(required=True, validate=validate.Length(max=200))
    region_code = fields.String(required=True, validate=validate.Length(max=12))


@blueprint.post("/branches")
@requires(Permission.BRANCH_MANAGE)
@blueprint.arguments(BranchIn)
@blueprint.response(201, BranchOut)
def open_branch(new: dict[str, str]) -> Branch:
    """Open a branch under its head."""
    head_id = staff.person(new.pop("head_phone"))
    return branches.open_branch(**new, head_id=head_id, by=auth.current().user_id, now=clock.now())


@blueprint.post("/branches/<uuid:branch_id>/head")
@requires(Permission.BRANCH_MANAGE)
@blueprint.arguments(HeadIn)
@blueprint.response(200, BranchOut)
def appoint_head(given: dict[str, str], branch_id: UUID) -> Branch:
    """Hand the branch to another head."""
    who = auth.current()
    branch = branches.find(branch_id, who=who)
    branches.appoint_head(branch, staff.person(given["head_phone"]), by=who.user_id, now=clock.now())
    return branch


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
