"""Paying over HTTP: start, follow, cash at the counter."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from core import auth, clock
from core.auth import requires
from core.once import once
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema, Whole
from core.settings import settings
from core.web import Blueprint
from orders import cash, orders, paying, payments
from orders.payments import Method, Payment

blueprint = Blueprint(
    "payments",
    __name__,
    url_prefix="/api/v1",
    description="Paying an order: card, Alipay, WeChat Pay, cash at the counter",
)

ONLINE = [Method.CARD.value, Method.ALIPAY.value, Method.WECHAT_PAY.value]


class PaymentIn(Schema):
    """How the buyer wants to pay. The sum is the order's; nobody sends it."""

    method = fields.String(required=True, validate=validate.OneOf(ONLINE))


class PaymentOut(Schema):
    """`pay_url` is the page to open and `qr_text` the code to show, as soon as `status` is `pending`."""

    id = fields.UUID()
    method = fields.String()
    status = fields.String()
    outcome = fields.String(allow_none=True)
    amount_minor = fields.Integer()
    refunded_minor = fields.Integer()
    currency = fields.String()
    pay_url = fields.String(allow_none=True)
    qr_text = fields.String(allow_none=True)
    failure = fields.String()
    created_at = Moment()
    settled_at = Moment(allow_none=True)


class CashIn(Schema):
    """What was put on the counter."""

    given_minor = Whole(required=True, validate=validate.Range(min=1))


class ReceiptLineOut(Schema):
    name = fields.String()
    quantity = fields.Integer()
    total_minor = fields.Integer()


class ReceiptOut(Schema):
    """What is printed for the buyer."""

    order_number = fields.String()
    payment_id = fields.UUID()
    station = fields.String()
    at = Moment()
    lines = fields.List(fields.Nested(ReceiptLineOut))
    total_minor = fields.Integer()
    given_minor = fields.Integer()
    change_minor = fields.Integer()
    currency = fields.String()
    ships_from = fields.Date(allow_none=True, metadata={"description": "A presale: leaves from this day"})
    ships_by = fields.Date(allow_none=True, metadata={"description": "A presale: has left by the end of this day"})


@blueprint.post("/orders/<number>/payments")
@requires(Permission.PAYMENT_START)
@once
@blueprint.arguments(PaymentIn)
@blueprint.response(201, PaymentOut)
def start(wanted: dict[str, Any], number: str) -> Payment:
    """Begin to pay. The answer is `preparing`; read it again until it is `pending` and shows where to pay."""
    who = auth.current()
    order = orders.by_number(number, who=who)
    return paying.start(
        order,
        Method(wanted["method"]),
        return_url=f"{settings().public_url}/orders/{order.number}",
        by=who.user_id,
        now=clock.now(),
    )


@blueprint.get("/orders/<number>/payments")
@requires(Permission.ORDER_READ)
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(PaymentOut))
def list_payments(args: dict[str, Any], number: str) -> Page[Payment]:
    """All tries to pay an order, newest first."""
    who = auth.current()
    order = orders.by_number(number, who=who)
    return page(payments.visible_to(who).where(Payment.order_id == order.id), model=Payment, **args)


@blueprint.get("/orders/<number>/payments/<uuid:payment_id>")
@requires(Permission.ORDER_READ)
@blueprint.response(200, PaymentOut)
def read(number: str, payment_id: UUID) -> Payment:
    """One payment as it is now."""
    return payments.of_order(number, payment_id, who=auth.current())


@blueprint.post("/orders/<number>/cash")
@requires(Permission.PAYMENT_CASH)
@once
@blueprint.arguments(CashIn)
@blueprint.response(201, ReceiptOut)
def take_cash(counted: dict[str, Any], number: str) -> cash.Receipt:
    """Take cash for an order of one's own station; answers with the receipt and the change."""
    who = auth.current()
    order = orders.by_number(number, who=who)
    return cash.receipt(cash.take(order, given_minor=counted["given_minor"], by=who.user_id, now=clock.now()))


@blueprint.get("/orders/<number>/payments/<uuid:payment_id>/receipt")
@requires(Permission.ORDER_READ)
@blueprint.response(200, ReceiptOut)
def read_receipt(number: str, payment_id: UUID) -> cash.Receipt:
    """The receipt of a cash payment, to print it once more."""
    return cash.receipt(payments.of_order(number, payment_id, who=auth.current()))
