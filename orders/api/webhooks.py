"""Where Stripe tells its news."""

from flask import request
from marshmallow import fields

from core import clock
from core.auth import public
from core.schemas import Schema
from core.web import Blueprint
from orders import webhooks

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/v1", description="Signed events of Stripe")


class Received(Schema):
    """The event is kept; `known` says that it was kept before."""

    received = fields.Boolean()
    known = fields.Boolean()


@blueprint.post("/stripe/webhook")
@public
@blueprint.response(200, Received)
def receive() -> dict[str, bool]:
    """Verify the raw bytes, keep the event once, answer. The work is a job's."""
    fresh = webhooks.receive(
        request.get_data(cache=False), request.headers.get("Stripe-Signature", ""), now=clock.now()
    )
    return {"received": True, "known": not fresh}
