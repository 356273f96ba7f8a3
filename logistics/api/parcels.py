"""Parcels over HTTP: what there is, the packing table and the scale."""

from typing import Any

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.once import once
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema, Whole
from core.web import Blueprint
from logistics import acceptance, packing, parcels, recipients, scans, staging, stations
from logistics.moves import ENDED, WORDS, ParcelStatus
from logistics.parcels import Parcel
from logistics.scans import TrackingEvent

blueprint = Blueprint("parcels", __name__, description="Parcels: pack, weigh, mark, stage")

GRAMS = validate.Range(1, 1_000_000)


class ParcelArgs(PageArgs):
    """Which parcels."""

    station_id = fields.UUID(load_default=None)
    status = fields.Enum(ParcelStatus, by_value=True, load_default=None)


class BoardArgs(Schema):
    station_id = fields.UUID(required=True)


BoardOut = Schema.from_dict(
    {status.value: fields.Integer() for status in ParcelStatus if status not in ENDED}, name="BoardOut"
)


class RecipientOut(Schema):
    """Masked, except where a reason was given."""

    name = fields.String()
    phone = fields.String()
    region = fields.String()
    detail = fields.String()


class ParcelOut(Schema):
    id = fields.UUID()
    number = fields.String()
    kind = fields.String()
    reference = fields.String(allow_none=True)
    status = fields.String()
    status_words = fields.Function(lambda parcel: str(WORDS[parcel.status]))
    station_id = fields.UUID(allow_none=True)
    destination_station_id = fields.UUID(allow_none=True)
    recipient = fields.Function(lambda parcel: RecipientOut().dump(recipients.masked(parcel)))
    contents = fields.String()
    promised_net_g = fields.Integer(allow_none=True)
    tare_g = fields.Integer()
    gross_g = fields.Integer(allow_none=True)
    net_g = fields.Integer(allow_none=True)
    weight_note = fields.String(allow_none=True)
    fee_minor = fields.Function(lambda parcel: parcel.quote and parcel.quote["fee_minor"])
    currency = fields.Function(lambda parcel: parcel.quote and parcel.quote["currency"])
    real_name_checked_at = Moment(allow_none=True)
    inspected_at = Moment(allow_none=True)
    screened_at = Moment(allow_none=True)
    pack_by = Moment(allow_none=True)
    pack_from = fields.Date(allow_none=True, metadata={"description": "A presale: no work before this day"})
    created_at = Moment()


class ScanOut(Schema):
    """One scan as the house keeps it."""

    code = fields.String()
    occurred_at = Moment()
    station_id = fields.UUID(allow_none=True)
    branch_id = fields.UUID()
    note = fields.String()


class WeighIn(Schema):
    """What the scale shows, in grams."""

    gross_g = Whole(required=True, validate=GRAMS)
    tare_g = Whole(load_default=None, allow_none=True, validate=validate.Range(0, 1_000_000))
    reason = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=packing.REASON_MAX))
    scale = fields.String(load_default="", validate=validate.Length(max=40))


class ReasonIn(Schema):
    """Why."""

    reason = fields.String(required=True, validate=validate.Length(2, 200))


class MarksIn(Schema):
    """Marks that are given now; one that was given stays."""

    real_name = fields.Boolean(load_default=False)
    inspected = fields.Boolean(load_default=False)
    screened = fields.Boolean(load_default=False)


def mine(number: str) -> Parcel:
    """The parcel with this number, if it is the caller's business. Raises NotFound."""
    return parcels.by_number(number, parcels.visible_to(auth.current()))


@blueprint.get("/parcels")
@requires(Permission.PARCEL_READ)
@blueprint.arguments(ParcelArgs, location="query")
@blueprint.response(200, page_schema(ParcelOut))
def list_parcels(args: dict[str, Any]) -> Page[Parcel]:
    """Parcels that pass through the caller's hands, newest first."""
    found = parcels.narrowed(parcels.visible_to(auth.current()), args.pop("station_id"), args.pop("status"))
    return page(found, model=Parcel, **args)


@blueprint.get("/parcels/board")
@requires(Permission.PARCEL_READ)
@blueprint.arguments(BoardArgs, location="query")
@blueprint.response(200, BoardOut)
def read_board(args: dict[str, Any]) -> dict[str, int]:
    """How many parcels of a station stand where; a presale is not among them before its days."""
    station = stations.find(args["station_id"], who=auth.current())
    board = parcels.board(station.id, day=clock.local_day(clock.now()))
    return {status.value: count for status, count in board.items()}


@blueprint.get("/parcels/<number>")
@requires(Permission.PARCEL_READ)
@blueprint.response(200, ParcelOut)
def read_parcel(number: str) -> Parcel:
    """One parcel."""
    return mine(number)


@blueprint.get("/parcels/<number>/scans")
@requires(Permission.PARCEL_READ)
@blueprint.response(200, ScanOut(many=True))
def read_scans(number: str) -> list[TrackingEvent]:
    """Everything that was seen of a parcel, oldest first."""
    return scans.of_parcel(mine(number).id)


@blueprint.post("/parcels/<number>/pack")
@requires(Permission.PARCEL_PACK)
@once
@blueprint.response(200, ParcelOut)
def pack_parcel(number: str) -> Parcel:
    """The goods are in the box."""
    parcel = mine(number)
    packing.pack(parcel, by=auth.current().user_id, now=clock.now())
    return parcel


@blueprint.post("/parcels/<number>/weigh")
@requires(Permission.PARCEL_PACK)
@once
@blueprint.arguments(WeighIn)
@blueprint.response(200, ParcelOut)
def weigh_parcel(given: dict[str, Any], number: str) -> Parcel:
    """Put the box on the scale. Below the promised net weight a reason is asked for."""
    parcel = mine(number)
    packing.weigh(parcel, **given, by=auth.current().user_id, now=clock.now())
    return parcel


@blueprint.post("/parcels/<number>/reopen")
@requires(Permission.PARCEL_PACK)
@once
@blueprint.arguments(ReasonIn)
@blueprint.response(200, ParcelOut)
def reopen_parcel(given: dict[str, str], number: str) -> Parcel:
    """Open the box again: weight and label are void."""
    parcel = mine(number)
    packing.reopen(parcel, reason=given["reason"], by=auth.current().user_id, now=clock.now())
    return parcel


@blueprint.post("/parcels/<number>/mark")
@requires(Permission.PARCEL_PACK)
@once
@blueprint.arguments(MarksIn)
@blueprint.response(200, ParcelOut)
def mark_parcel(given: dict[str, bool], number: str) -> Parcel:
    """Real name checked, opened and looked at, screened."""
    parcel = mine(number)
    acceptance.mark_acceptance(parcel, **given, by=auth.current().user_id, now=clock.now())
    return parcel


@blueprint.post("/parcels/<number>/stage")
@requires(Permission.PARCEL_PACK)
@once
@blueprint.response(200, ParcelOut)
def stage_parcel(number: str) -> Parcel:
    """Put the box in the row for the van."""
    parcel = mine(number)
    staging.stage(parcel, by=auth.current().user_id, now=clock.now())
    return parcel
