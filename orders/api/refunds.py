"""Refunds over HTTP: ask for one, follow it, send a failed one again, hand out cash."""

from typing import Any
from uuid import UUID

from flask import request
from marshmallow import ValidationError, fields, validate, validates_schema

from core import auth, clock
from core.auth import requires
from core.once import once
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema, Whole
from core.web import Blueprint
from orders import cash, orders, refunding, refunds, repaying
from orders.refunds import Refund, RefundReason

blueprint = Blueprint(
    "refunds", __name__, url_prefix="/api/v1", description="Money that goes back, whole or by the line"
)

LINES_MAX = 50
ASKED_BY_PEOPLE = [RefundReason.REQUEST.value, RefundReason.QUALITY.value, RefundReason.SHORTAGE.value]


class RefundLineIn(Schema):
    line_id = fields.UUID(required=True)
    amount_minor = Whole(required=True, validate=validate.Range(min=1))


class RefundIn(Schema):
    """Without `lines` everything that is left goes back."""

    reason = fields.String(required=True, validate=validate.OneOf(ASKED_BY_PEOPLE))
    note = fields.String(load_default="", validate=validate.Length(max=200))
    lines = fields.List(
        fields.Nested(RefundLineIn), load_default=None, validate=validate.Length(min=1, max=LINES_MAX), allow_none=True
    )

    @validates_schema
    def each_line_once(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Two amounts for one line would leave it open which is meant."""
        named = [line["line_id"] for line in data.get("lines") or []]
        if len(named) != len(set(named)):
            raise ValidationError("Each line at most once.", "lines")


class RefundLineOut(Schema):
    line_id = fields.UUID()
    amount_minor = fields.Integer()


class RefundOut(Schema):
    id = fields.UUID()
    payment_id = fields.UUID()
    reason = fields.String()
    note = fields.String()
    status = fields.String()
    amount_minor = fields.Integer()
    currency = fields.String()
    failure = fields.String()
    requested_at = Moment()
    ended_at = Moment(allow_none=True)
    lines = fields.List(fields.Nested(RefundLineOut))


@blueprint.post("/orders/<number>/refunds")
@requires(Permission.ORDER_REFUND)
@once
@blueprint.arguments(RefundIn)
@blueprint.response(201, RefundOut)
def ask(wanted: dict[str, Any], number: str) -> Refund:
    """Give money back for an order, to where it came from."""
    who = auth.current()
    order = orders.by_number(number, who=who)
    facts = {
        "reason": RefundReason(wanted["reason"]),
        "note": wanted["note"],
        "key": f"{who.user_id}:{request.headers['Idempotency-Key']}",
        "by": who.user_id,
        "now": clock.now(),
    }
    if wanted["lines"] is None:
        return refunding.whole(order, **facts)
    return refunding.of_lines(order, {line["line_id"]: line["amount_minor"] for line in wanted["lines"]}, **facts)


@blueprint.get("/orders/<number>/refunds")
@requires(Permission.ORDER_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(RefundOut))
def list_refunds(args: dict[str, Any], number: str) -> Page[Refund]:
    """What went back for an order, newest first."""
    who = auth.current()
    order = orders.by_number(number, who=who)
    return page(refunds.visible_to(who).where(Refund.order_id == order.id), model=Refund, **args)


@blueprint.get("/orders/<number>/refunds/<uuid:refund_id>")
@requires(Permission.ORDER_READ)
@blueprint.response(200, RefundOut)
def read(number: str, refund_id: UUID) -> Refund:
    """One refund as it is now."""
    return refunds.of_order(number, refund_id, who=auth.current())


@blueprint.post("/orders/<number>/refunds/<uuid:refund_id>/send-again")
@requires(Permission.ORDER_REFUND)
@once
@blueprint.response(200, RefundOut)
def send_again(number: str, refund_id: UUID) -> Refund:
    """Try a failed refund once more."""
    who = auth.current()
    refund = refunds.of_order(number, refund_id, who=who)
    repaying.send_again(refund, by=who.user_id, now=clock.now())
    return refund


@blueprint.post("/orders/<number>/refunds/<uuid:refund_id>/hand-out")
@requires(Permission.PAYMENT_CASH)
@once
@blueprint.response(200, RefundOut)
def hand_out(number: str, refund_id: UUID) -> Refund:
    """Give the cash to the buyer, out of the drawer."""
    who = auth.current()
    return cash.hand_out(refunds.of_order(number, refund_id, who=who), by=who.user_id, now=clock.now())
