"""Asking for a refund over HTTP: the buyer asks, her station agrees or declines."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate
from sqlalchemy import select

from core import auth, clock
from core.auth import requires
from core.once import once
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema, Whole
from core.web import Blueprint
from orders import asking, orders
from orders.asking import RefundRequest
from orders.orders import Order

blueprint = Blueprint(
    "refund_requests", __name__, url_prefix="/api/v1", description="What buyers ask back, and the station's answer"
)


class WordsIn(Schema):
    """Why, in the words of who asks or answers."""

    words = fields.String(required=True, validate=validate.Length(min=1, max=asking.WORDS_MAX))


class AgreedIn(WordsIn):
    """How much goes back, at most what is left of what was paid."""

    amount_minor = Whole(required=True, validate=validate.Range(min=1))


class RequestOut(Schema):
    """`agreed` with nobody's answer: nothing had left, and all of it went back at once."""

    id = fields.UUID()
    order_number = fields.String(attribute="order.number")
    status = fields.String()
    words = fields.String()
    asked_at = Moment()
    answer = fields.String()
    answered_at = Moment(allow_none=True)
    refund_id = fields.UUID(allow_none=True)


@blueprint.post("/orders/<number>/refund-requests")
@requires(Permission.ORDER_CANCEL)
@once
@blueprint.arguments(WordsIn)
@blueprint.response(201, RequestOut)
def ask(said: dict[str, str], number: str) -> RefundRequest:
    """Ask for one's money back: at once while nothing has left, else by the station's answer."""
    who = auth.current()
    order = orders.by_number(number, who=who, among=select(Order).where(Order.buyer_id == who.user_id))
    return asking.ask(order, words=said["words"], by=who.user_id, now=clock.now())


@blueprint.get("/refund-requests")
@requires(Permission.ORDER_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(RequestOut))
def list_requests(args: dict[str, Any]) -> Page[RefundRequest]:
    """One's own requests and those of one's stations, newest first."""
    return page(asking.visible_to(auth.current()), model=RefundRequest, **args)


@blueprint.post("/refund-requests/<uuid:request_id>/agree")
@requires(Permission.REFUND_ANSWER)
@once
@blueprint.arguments(AgreedIn)
@blueprint.response(200, RequestOut)
def agree(said: dict[str, Any], request_id: UUID) -> RefundRequest:
    """Give back so much."""
    who = auth.current()
    return asking.agree(asking.by_id(request_id, who=who), **said, by=who.user_id, now=clock.now())


@blueprint.post("/refund-requests/<uuid:request_id>/decline")
@requires(Permission.REFUND_ANSWER)
@once
@blueprint.arguments(WordsIn)
@blueprint.response(200, RequestOut)
def decline(said: dict[str, str], request_id: UUID) -> RefundRequest:
    """Say no, and why."""
    who = auth.current()
    return asking.decline(asking.by_id(request_id, who=who), words=said["words"], by=who.user_id, now=clock.now())
