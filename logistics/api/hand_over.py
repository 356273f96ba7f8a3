"""The last mile over HTTP: on to the village station, what waits there, given out with proof or sent back."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.once import once
from core.paging import Page, PageArgs, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from logistics import forwarding, hand_over, recipients, stations
from logistics.api.delivery import FailedIn, ProofIn
from logistics.api.dispatches import AddIn, DispatchOut
from logistics.api.parcels import ParcelOut, RecipientOut
from logistics.delivery import Reason
from logistics.dispatch import Dispatch
from logistics.hand_over import Waiting
from logistics.parcels import Parcel
from logistics.stations import Station

blueprint = Blueprint("hand_over", __name__, description="Hand-over: parcels that wait at a village station")


class ShelfArgs(PageArgs):
    """Only those whose addressee's phone ends so."""

    tail = fields.String(load_default="", validate=validate.Regexp(r"([0-9]{4})?\Z"))


class WaitingOut(Schema):
    """A parcel on the shelf, longest there first."""

    number = fields.String(attribute="parcel.number")
    contents = fields.String(attribute="parcel.contents")
    status = fields.String(attribute="parcel.status")
    phone_tail = fields.String(attribute="parcel.phone_tail")
    recipient = fields.Function(lambda row: RecipientOut().dump(recipients.masked(row.parcel)))
    since = Moment()


def _station(station_id: UUID) -> Station:
    return stations.find(station_id, who=auth.current())


@blueprint.post("/stations/<uuid:station_id>/forward")
@requires(Permission.DISPATCH_MANAGE)
@once
@blueprint.arguments(AddIn)
@blueprint.response(201, DispatchOut)
def forward_parcels(given: dict[str, list[str]], station_id: UUID) -> Dispatch:
    """Bag parcels that stand at the branch for the station near their addressees; the branch's people only."""
    who = auth.current()
    station = forwarding.station_for(station_id, who=who)
    return forwarding.send_on(station, given["numbers"], by=who.user_id, now=clock.now())


@blueprint.get("/stations/<uuid:station_id>/to-hand-over")
@requires(Permission.TRACKING_DELIVER)
@blueprint.arguments(ShelfArgs, location="query")
@blueprint.response(200, page_schema(WaitingOut))
def list_waiting(args: dict[str, Any], station_id: UUID) -> Page[Waiting]:
    """What waits at a station for its addressees."""
    return hand_over.shelf(_station(station_id), **args)


@blueprint.post("/stations/<uuid:station_id>/to-hand-over/<number>/hand-over")
@requires(Permission.TRACKING_DELIVER)
@once
@blueprint.arguments(ProofIn)
@blueprint.response(200, ParcelOut)
def hand_over_parcel(given: dict[str, Any], station_id: UUID, number: str) -> Parcel:
    """Give it to its addressee and keep the proof."""
    station = _station(station_id)
    hand_over.hand_over(station, number, **given, by=auth.current().user_id, now=clock.now())
    return hand_over.find(station, number)


@blueprint.post("/stations/<uuid:station_id>/to-hand-over/<number>/send-back")
@requires(Permission.TRACKING_DELIVER)
@once
@blueprint.arguments(FailedIn)
@blueprint.response(200, ParcelOut)
def send_parcel_back(given: dict[str, Reason], station_id: UUID, number: str) -> Parcel:
    """Nobody collected it: back to the branch with the next van."""
    by = auth.current().user_id
    return hand_over.send_back(_station(station_id), number, reason=given["reason"], by=by, now=clock.now())
