"""The report of a live session over HTTP, for who runs it."""

from uuid import UUID

from marshmallow import fields

from core import auth, clock
from core.auth import requires
from core.permissions import Permission
from core.schemas import Moment, Schema
from core.web import Blueprint
from orders import session_report
from orders.session_report import Report
from shop import live

blueprint = Blueprint("session-reports", __name__, url_prefix="/api/v1", description="How a live session went")


class OfferReport(Schema):
    """What was ordered of one number."""

    number = fields.Integer()
    product_name = fields.String()
    pack_name = fields.String()
    pool = fields.Integer()
    held = fields.Integer()
    sold = fields.Integer()
    orders = fields.Integer()
    packs = fields.Integer()
    net_g = fields.Integer()
    total_minor = fields.Integer()
    refunded_minor = fields.Integer()


class SegmentReport(Schema):
    """What was ordered, of any number, while the host talked about this one."""

    number = fields.Integer()
    begins_at = Moment()
    ends_at = Moment(allow_none=True)
    orders = fields.Integer()
    total_minor = fields.Integer()


class SessionReport(Schema):
    """Figures of one session, as they stand now."""

    orders = fields.Integer()
    unpaid_orders = fields.Integer()
    lost_orders = fields.Integer()
    packs = fields.Integer()
    net_g = fields.Integer()
    gross_minor = fields.Integer()
    refunded_minor = fields.Integer()
    net_minor = fields.Integer()
    peak_orders = fields.Integer()
    peak_at = Moment(allow_none=True)
    boxes_to_pack = fields.Integer()
    late_boxes = fields.Integer()
    offers = fields.List(fields.Nested(OfferReport))
    segments = fields.List(fields.Nested(SegmentReport))


@blueprint.get("/live-sessions/<uuid:session_id>/report")
@requires(Permission.LIVE_HOST)
@blueprint.response(200, SessionReport)
def report(session_id: UUID) -> Report:
    """Orders, packs, grams, money, the busiest second, late boxes; by offer and by talk segment."""
    found = live.find(session_id, among=live.run_by(auth.current()))
    return session_report.of_session(found.id, now=clock.now())
