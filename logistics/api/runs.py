"""Van runs over HTTP: plan, scan to load, see what stays behind, leave, come back."""

from typing import Any

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.once import once
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from logistics import branches, parcels, runs
from logistics.parcels import Parcel
from logistics.runs import SCANS_MAX, STOPS_MAX, Departure, Run

blueprint = Blueprint("runs", __name__, description="Van runs: stops, loading, departure")


class RunIn(Schema):
    """A van, a day, its stops in order."""

    branch_id = fields.UUID(required=True)
    driver_id = fields.UUID(required=True)
    day = fields.Date(required=True)
    station_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, STOPS_MAX))


class RunStopOut(Schema):
    position = fields.Integer()
    station_id = fields.UUID()
    departed_at = Moment(allow_none=True)


class RunOut(Schema):
    id = fields.UUID()
    number = fields.String()
    branch_id = fields.UUID()
    driver_id = fields.UUID()
    day = fields.Date()
    status = fields.String()
    departed_at = Moment(allow_none=True)
    arrived_at = Moment(allow_none=True)
    stops = fields.Function(lambda run: RunStopOut(many=True).dump(runs.stops(run)))


class LoadIn(Schema):
    """Parcel numbers as they were scanned at the van."""

    numbers = fields.List(
        fields.String(validate=validate.Length(1, 40)), required=True, validate=validate.Length(1, SCANS_MAX)
    )


class LeftBehindOut(Schema):
    """Announced at a stop of the run and not on the van."""

    left_behind = fields.List(fields.String())


class LoadOut(LeftBehindOut):
    """What came on with this scan; boxes that were on already are not repeated."""

    loaded = fields.List(fields.String())


class UnloadIn(Schema):
    """Which box goes off again, and why."""

    number = fields.String(required=True, validate=validate.Length(1, 40))
    reason = fields.String(load_default="", validate=validate.Length(max=200))


class DepartIn(Schema):
    """Why boxes stay behind, where some do."""

    reason = fields.String(load_default="", validate=validate.Length(max=200))


def _mine(number: str) -> Run:
    return runs.by_number(number, runs.visible_to(auth.current()))


def _behind(run: Run) -> list[str]:
    return [box.number for box in runs.left_behind(run)]


@blueprint.get("/runs")
@requires(Permission.RUN_LOAD)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(RunOut))
def list_runs(args: dict[str, Any]) -> Page[Run]:
    """Runs that are the caller's business, newest first."""
    return page(runs.visible_to(auth.current()), model=Run, **args)


@blueprint.post("/runs")
@requires(Permission.DISPATCH_MANAGE)
@once
@blueprint.arguments(RunIn)
@blueprint.response(201, RunOut)
def plan_run(given: dict[str, Any]) -> Run:
    """Plan a run of the caller's branch."""
    branch = branches.find(given.pop("branch_id"), who=auth.current())
    return runs.plan(branch, **given, now=clock.now())


@blueprint.get("/runs/<number>")
@requires(Permission.RUN_LOAD)
@blueprint.response(200, RunOut)
def read_run(number: str) -> Run:
    """One run with its stops."""
    return _mine(number)


@blueprint.get("/runs/<number>/left-behind")
@requires(Permission.RUN_LOAD)
@blueprint.response(200, LeftBehindOut)
def read_left_behind(number: str) -> dict[str, list[str]]:
    """Announced boxes that are not on the van."""
    return {"left_behind": _behind(_mine(number))}


@blueprint.post("/runs/<number>/load")
@requires(Permission.RUN_LOAD)
@once
@blueprint.arguments(LoadIn)
@blueprint.response(200, LoadOut)
def load_van(given: dict[str, list[str]], number: str) -> dict[str, list[str]]:
    """Scan boxes onto the van, all or none."""
    run = _mine(number)
    loaded = runs.load(run, given["numbers"], by=auth.current().user_id, now=clock.now())
    return {"loaded": loaded, "left_behind": _behind(run)}


@blueprint.post("/runs/<number>/unload")
@requires(Permission.RUN_LOAD)
@once
@blueprint.arguments(UnloadIn)
@blueprint.response(200, RunOut)
def unload_van(given: dict[str, str], number: str) -> Run:
    """Take a box off again."""
    run = _mine(number)
    box: Parcel = parcels.by_number(given["number"], parcels.visible_to(auth.current()))
    runs.unload(run, box, reason=given["reason"], by=auth.current().user_id, now=clock.now())
    return run


@blueprint.post("/runs/<number>/depart")
@requires(Permission.RUN_DRIVE)
@once
@blueprint.arguments(DepartIn)
@blueprint.response(200, LoadOut)
def depart_van(given: dict[str, str], number: str) -> Departure:
    """Leave with what is aboard. Refused while a box lacks a mark."""
    return runs.depart(_mine(number), reason=given["reason"], by=auth.current().user_id, now=clock.now())


@blueprint.post("/runs/<number>/arrive")
@requires(Permission.RUN_DRIVE)
@once
@blueprint.response(200, RunOut)
def arrive_van(number: str) -> Run:
    """Back at the branch."""
    run = _mine(number)
    runs.arrive(run, now=clock.now())
    return run
