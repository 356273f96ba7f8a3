"""Stations over HTTP: where they are, whose they are, who works there."""

from datetime import time
from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from logistics import branches, staff, stations
from logistics.staff import Duty, Keeper
from logistics.stations import OutletType, Station, StationLevel, StationTransfer

blueprint = Blueprint("stations", __name__, description="Stations: the counters in towns and villages")


class StationIn(Schema):
    """A new station. It may be named after a place that no table of divisions knows."""

    code = fields.String(required=True, validate=validate.Length(max=20))
    name = fields.String(required=True, validate=validate.Length(max=200))
    outlet_type = fields.Enum(OutletType, by_value=True, required=True)
    level = fields.Enum(StationLevel, by_value=True, required=True)
    region_code = fields.String(required=True, validate=validate.Length(max=12))
    detail = fields.String(load_default="", validate=validate.Length(max=120))
    van_stop_time = fields.Time(load_default=None, allow_none=True)
    longitude = fields.Decimal(load_default=None, allow_none=True, places=6)
    latitude = fields.Decimal(load_default=None, allow_none=True, places=6)


def _next_van(station: Station) -> str | None:
    due = stations.next_van(station, now=clock.now())
    return None if due is None else due.isoformat()


class StationOut(Schema):
    """A station; `next_van` tells when the mail van calls next."""

    id = fields.UUID()
    branch_id = fields.UUID()
    code = fields.String()
    name = fields.String()
    outlet_type = fields.Enum(OutletType, by_value=True)
    level = fields.Enum(StationLevel, by_value=True)
    region_code = fields.String()
    detail = fields.String()
    van_stop_time = fields.Time(allow_none=True)
    next_van = fields.Function(_next_van, metadata={"type": "string", "format": "date-time"})
    longitude = fields.Decimal(as_string=True, allow_none=True)
    latitude = fields.Decimal(as_string=True, allow_none=True)
    opened_on = fields.Date()
    stopped_on = fields.Date(allow_none=True)


class VanStopIn(Schema):
    """When the van calls from now on; null where none calls."""

    van_stop_time = fields.Time(required=True, allow_none=True)


class TransferIn(Schema):
    """The branch that takes the station over."""

    branch_id = fields.UUID(required=True)
    reason = fields.String(required=True, validate=validate.Length(1, 200))


class TransferOut(Schema):
    """One move between branches."""

    id = fields.UUID()
    station_id = fields.UUID()
    from_branch_id = fields.UUID()
    to_branch_id = fields.UUID()
    reason = fields.String()
    moved_at = Moment()


class TransferListOut(Schema):
    """All moves of a station, oldest first."""

    items = fields.List(fields.Nested(TransferOut))


class KeeperIn(Schema):
    """A person who has signed up, by phone, and what he does here."""

    phone = fields.String(required=True, validate=validate.Length(max=32))
    duty = fields.Enum(Duty, by_value=True, load_default=Duty.KEEPER)


class KeeperOut(Schema):
    """A person's time at a station."""

    id = fields.UUID()
    station_id = fields.UUID()
    user_id = fields.UUID()
    duty = fields.Enum(Duty, by_value=True)
    since = Moment()
    until = Moment(allow_none=True)


@blueprint.get("/stations")
@requires(Permission.STATION_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(StationOut))
def list_stations(args: dict[str, Any]) -> Page[Station]:
    """The stations where the caller works, or whose branch he works for; the province sees all."""
    return page(stations.visible_to(auth.current()), model=Station, **args)


@blueprint.get("/stations/<uuid:station_id>")
@requires(Permission.STATION_READ)
@blueprint.response(200, StationOut)
def read(station_id: UUID) -> Station:
    """One station."""
    return stations.find(station_id, who=auth.current())


@blueprint.post("/stations/<uuid:station_id>/van-stop")
@requires(Permission.STATION_MANAGE)
@blueprint.arguments(VanStopIn)
@blueprint.response(200, StationOut)
def set_van_stop(given: dict[str, time | None], station_id: UUID) -> Station:
    """Say when the van calls."""
    who = auth.current()
    station = stations.find(station_id, who=who)
    stations.set_van_stop(station, given["van_stop_time"], by=who.user_id, now=clock.now())
    return station


@blueprint.get("/stations/<uuid:station_id>/transfers")
@requires(Permission.STATION_READ)
@blueprint.response(200, TransferListOut)
def list_transfers(station_id: UUID) -> dict[str, list[StationTransfer]]:
    """Every branch that the station has belonged to."""
    return {"items": stations.transfers_of(stations.find(station_id, who=auth.current()))}


@blueprint.post("/stations/<uuid:station_id>/transfers")
@requires(Permission.STATION_MANAGE)
@blueprint.arguments(TransferIn)
@blueprint.response(201, TransferOut)
def transfer(given: dict[str, Any], station_id: UUID) -> StationTransfer:
    """Move a station to another branch; the caller must be in charge of both."""
    who = auth.current()
    to = branches.find(given["branch_id"], who=who)
    station = stations.find(station_id, who=who)
    return stations.transfer(station, to, reason=given["reason"], by=who.user_id, now=clock.now())


@blueprint.post("/stations/<uuid:station_id>/keepers")
@requires(Permission.STATION_MANAGE)
@blueprint.arguments(KeeperIn)
@blueprint.response(201, KeeperOut)
def appoint(given: dict[str, Any], station_id: UUID) -> Keeper:
    """Let a person work here."""
    who = auth.current()
    station = stations.find(station_id, who=who)
    person = staff.person(given["phone"])
    return staff.appoint(station.id, person, duty=given["duty"], by=who.user_id, now=clock.now())


@blueprint.post("/stations/<uuid:station_id>/keepers/<uuid:user_id>/release")
@requires(Permission.STATION_MANAGE)
@blueprint.response(200, KeeperOut)
def release(station_id: UUID, user_id: UUID) -> Keeper:
    """End a person's time here."""
    who = auth.current()
    station = stations.find(station_id, who=who)
    return staff.release(station.id, user_id, by=who.user_id, now=clock.now())
