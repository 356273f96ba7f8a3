"""Tracking over HTTP, for anybody."""

from flask import request
from marshmallow import fields, validate

from core import clock
from core.auth import public
from core.schemas import Moment, Schema
from core.web import Blueprint
from logistics import tracking
from logistics.tracking import Trace

blueprint = Blueprint("tracking", __name__, description="Tracking: public and masked")


class TailArgs(Schema):
    """The last four digits of the addressee's phone open places and times."""

    tail = fields.String(load_default=None, validate=validate.Regexp(r"[0-9]{4}\Z"))


class SeenOut(Schema):
    code = fields.String()
    words = fields.String()
    place = fields.String()
    at = Moment()


class TraceOut(Schema):
    """State and counties; `events` is empty without the right `tail`."""

    number = fields.String()
    status = fields.String()
    words = fields.String()
    origin = fields.String(allow_none=True)
    destination = fields.String(allow_none=True)
    events = fields.List(fields.Nested(SeenOut))


@blueprint.get("/tracking/<number>")
@public
@blueprint.arguments(TailArgs, location="query")
@blueprint.response(200, TraceOut)
def track(args: dict[str, str | None], number: str) -> Trace:
    """Where a parcel is. A number that is not on its way yet looks like one that does not exist."""
    return tracking.public_view(number, tail=args["tail"], address=request.remote_addr or "", now=clock.now())
