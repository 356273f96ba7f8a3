"""Delivery over HTTP: out, tried, handed over with proof, or sent back."""

from typing import Any

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.once import once
from core.permissions import Permission
from core.schemas import Schema
from core.web import Blueprint
from logistics import delivery, recipients
from logistics.api.parcels import ParcelOut, ReasonIn, RecipientOut, mine
from logistics.delivery import Collector, ProofKind, Reason
from logistics.parcels import Parcel
from logistics.recipients import Recipient

blueprint = Blueprint("delivery", __name__, description="Delivery: out, attempt, proof, return")


class FailedIn(Schema):
    """Why it was not handed over."""

    reason = fields.Enum(Reason, by_value=True, required=True)


class ProofIn(Schema):
    """How it was handed over and to whom."""

    proof = fields.Enum(ProofKind, by_value=True, required=True)
    collector = fields.Enum(Collector, by_value=True, load_default=Collector.SELF)
    collector_name = fields.String(load_default="", validate=validate.Length(max=40))
    note = fields.String(load_default="", validate=validate.Length(max=200))


@blueprint.post("/parcels/<number>/recipient")
@requires(Permission.TRACKING_DELIVER)
@blueprint.arguments(ReasonIn)
@blueprint.response(200, RecipientOut)
def reveal_recipient(given: dict[str, str], number: str) -> Recipient:
    """Name, phone and door in clear, for the hand that delivers. The look is recorded."""
    by = auth.current().user_id
    return recipients.revealed(mine(number), reason=given["reason"], by=by, now=clock.now())


@blueprint.post("/parcels/<number>/out-for-delivery")
@requires(Permission.TRACKING_DELIVER)
@once
@blueprint.response(200, ParcelOut)
def take_out_for_delivery(number: str) -> Parcel:
    """The carrier has it in his bag."""
    parcel = mine(number)
    delivery.out_for_delivery(parcel, by=auth.current().user_id, now=clock.now())
    return parcel


@blueprint.post("/parcels/<number>/attempts")
@requires(Permission.TRACKING_DELIVER)
@once
@blueprint.arguments(FailedIn)
@blueprint.response(200, ParcelOut)
def note_attempt(given: dict[str, Reason], number: str) -> Parcel:
    """Nobody took it; it is tried again."""
    parcel = mine(number)
    delivery.attempt_failed(parcel, reason=given["reason"], by=auth.current().user_id, now=clock.now())
    return parcel


@blueprint.post("/parcels/<number>/return")
@requires(Permission.TRACKING_DELIVER)
@once
@blueprint.arguments(FailedIn)
@blueprint.response(200, ParcelOut)
def return_parcel(given: dict[str, Reason], number: str) -> Parcel:
    """It goes back to the sender."""
    parcel = mine(number)
    delivery.send_back(parcel, reason=given["reason"], by=auth.current().user_id, now=clock.now())
    return parcel


@blueprint.post("/parcels/<number>/deliver")
@requires(Permission.TRACKING_DELIVER)
@once
@blueprint.arguments(ProofIn)
@blueprint.response(200, ParcelOut)
def deliver_parcel(given: dict[str, Any], number: str) -> Parcel:
    """Hand it over and keep the proof."""
    parcel = mine(number)
    delivery.deliver(parcel, **given, by=auth.current().user_id, now=clock.now())
    return parcel
