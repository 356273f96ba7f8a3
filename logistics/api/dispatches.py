"""Dispatches over HTTP: fill, close, count in, explain what differs."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.once import once
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from logistics import acceptance, dispatch, parcels, reconciliation, staging, stations
from logistics.dispatch import ITEMS_MAX, Direction, Dispatch, DispatchStatus
from logistics.reconciliation import Cause, Discrepancy, Reconciliation

blueprint = Blueprint("dispatches", __name__, description="Dispatches: pre-advice and reconciliation")

ADDED_MAX = 2_000


class DispatchArgs(PageArgs):
    """Which dispatches."""

    status = fields.Enum(DispatchStatus, by_value=True, load_default=None)


class DispatchIn(Schema):
    """The open dispatch of a station; made where there is none."""

    station_id = fields.UUID(required=True)
    direction = fields.Enum(Direction, by_value=True, load_default=Direction.INWARD)


class DispatchOut(Schema):
    id = fields.UUID()
    number = fields.String()
    branch_id = fields.UUID()
    station_id = fields.UUID()
    direction = fields.String()
    status = fields.String()
    run_id = fields.UUID(allow_none=True)
    opened_at = Moment()
    closed_at = Moment(allow_none=True)
    departed_at = Moment(allow_none=True)
    received_at = Moment(allow_none=True)


class DispatchItemOut(Schema):
    """One announced box."""

    number = fields.String()
    state = fields.String()
    gross_g = fields.Integer(allow_none=True)


def _numbers(least: int, most: int) -> fields.List[Any]:
    return fields.List(
        fields.String(validate=validate.Length(1, 40)), required=True, validate=validate.Length(least, most)
    )


class AddIn(Schema):
    """Parcel numbers as typed or scanned."""

    numbers = _numbers(1, ADDED_MAX)


class ScannedIn(Schema):
    """Everything that was scanned; an empty list says that nothing came."""

    numbers = _numbers(0, ITEMS_MAX)


class CartonsIn(AddIn):
    """Cartons at the branch and the marks that they get."""

    real_name = fields.Boolean(load_default=False)
    inspected = fields.Boolean(load_default=False)
    screened = fields.Boolean(load_default=False)


class ReconciliationOut(Schema):
    """declared = matched + short; received = matched + over + missent."""

    declared = fields.Integer()
    received = fields.Integer()
    matched = fields.Function(lambda result: len(result.matched))
    short = fields.List(fields.String())
    over = fields.List(fields.String())
    missent = fields.List(fields.String())


class DiscrepancyOut(Schema):
    id = fields.UUID()
    number = fields.String()
    kind = fields.String()
    found_at = Moment()
    closed_at = Moment(allow_none=True)
    cause = fields.String(allow_none=True)
    note = fields.String()


class CauseIn(Schema):
    """What a person found out."""

    cause = fields.Enum(Cause, by_value=True, required=True)
    note = fields.String(load_default="", validate=validate.Length(max=200))


def _mine(number: str) -> Dispatch:
    return dispatch.by_number(number, dispatch.visible_to(auth.current()))


def _boxes(given: list[str]) -> list[parcels.Parcel]:
    return parcels.by_numbers(given, parcels.visible_to(auth.current()))


@blueprint.get("/dispatches")
@requires(Permission.PARCEL_READ)
@blueprint.arguments(DispatchArgs, location="query")
@blueprint.response(200, page_schema(DispatchOut))
def list_dispatches(args: dict[str, Any]) -> Page[Dispatch]:
    """Dispatches of the caller's stations, newest first."""
    status = args.pop("status")
    found = dispatch.visible_to(auth.current())
    return page(found if status is None else found.where(Dispatch.status == status), model=Dispatch, **args)


@blueprint.post("/dispatches")
@requires(Permission.DISPATCH_MANAGE)
@once
@blueprint.arguments(DispatchIn)
@blueprint.response(201, DispatchOut)
def open_dispatch(given: dict[str, Any]) -> Dispatch:
    """The dispatch that boxes are added to now."""
    station = stations.find(given["station_id"], who=auth.current())
    return dispatch.open_for(station, direction=given["direction"], now=clock.now())


@blueprint.get("/dispatches/<number>")
@requires(Permission.PARCEL_READ)
@blueprint.response(200, DispatchOut)
def read_dispatch(number: str) -> Dispatch:
    """One dispatch."""
    return _mine(number)


@blueprint.get("/dispatches/<number>/items")
@requires(Permission.PARCEL_READ)
@blueprint.response(200, DispatchItemOut(many=True))
def read_manifest(number: str) -> list[dict[str, Any]]:
    """Every announced box and what became of it."""
    rows = dispatch.manifest(_mine(number))
    return [{"number": box.number, "state": state, "gross_g": box.gross_g} for box, state in rows]


@blueprint.post("/dispatches/<number>/items")
@requires(Permission.DISPATCH_MANAGE)
@once
@blueprint.arguments(AddIn)
@blueprint.response(200, DispatchOut)
def add_items(given: dict[str, list[str]], number: str) -> Dispatch:
    """Announce staged boxes; one that is in it already stays."""
    found = _mine(number)
    dispatch.add(found, _boxes(given["numbers"]), by=auth.current().user_id, now=clock.now())
    return found


@blueprint.post("/dispatches/<number>/close")
@requires(Permission.DISPATCH_MANAGE)
@once
@blueprint.response(200, DispatchOut)
def close_dispatch(number: str) -> Dispatch:
    """Announce it to the other end."""
    found = _mine(number)
    dispatch.close(found, by=auth.current().user_id, now=clock.now())
    return found


@blueprint.post("/dispatches/<number>/receive")
@requires(Permission.DISPATCH_RECEIVE)
@once
@blueprint.arguments(ScannedIn)
@blueprint.response(200, ReconciliationOut)
def receive_dispatch(given: dict[str, list[str]], number: str) -> Reconciliation:
    """Count it in: matched, short, over, mis-sent."""
    return reconciliation.receive(_mine(number), given["numbers"], by=auth.current().user_id, now=clock.now())


@blueprint.get("/dispatches/<number>/reconciliation")
@requires(Permission.PARCEL_READ)
@blueprint.response(200, ReconciliationOut)
def read_reconciliation(number: str) -> Reconciliation:
    """The count as it stands."""
    return reconciliation.result(_mine(number))


@blueprint.get("/dispatches/<number>/discrepancies")
@requires(Permission.PARCEL_READ)
@blueprint.response(200, DiscrepancyOut(many=True))
def list_discrepancies(number: str) -> list[Discrepancy]:
    """Every difference, open ones first."""
    return reconciliation.differences(_mine(number))


@blueprint.post("/dispatches/<number>/discrepancies/<uuid:row_id>/close")
@requires(Permission.DISPATCH_RECEIVE)
@once
@blueprint.arguments(CauseIn)
@blueprint.response(200, DiscrepancyOut)
def close_discrepancy(given: dict[str, Any], number: str, row_id: UUID) -> Discrepancy:
    """Explain a difference."""
    row = reconciliation.difference(_mine(number), row_id)
    reconciliation.explain(row, **given, by=auth.current().user_id, now=clock.now())
    return row


@blueprint.post("/cartons/stage")
@requires(Permission.DISPATCH_MANAGE)
@once
@blueprint.arguments(CartonsIn)
@blueprint.response(204)
def stage_cartons(given: dict[str, Any]) -> None:
    """Take wholesale cartons in at the branch: marked, labelled and ready for the van."""
    who, now = auth.current(), clock.now()
    ids = [box.id for box in _boxes(given.pop("numbers"))]
    acceptance.mark_many(ids, **given, by=who.user_id, now=now)
    staging.stage_cartons(ids, by=who.user_id, now=now)
