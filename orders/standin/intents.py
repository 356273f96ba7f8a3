"""Payment intents: what is to be paid, how, and what became of it."""

import base64
import io
import secrets
from typing import Any

import segno
from flask import Blueprint, request

from orders.standin import faults
from orders.standin.errors import StripeSays, invalid
from orders.standin.events import happen
from orders.standin.store import Object
from orders.standin.wire import amount, endpoint, found, listed, moment, parameters, store

blueprint = Blueprint("intents", __name__)

METHODS = frozenset({"card", "alipay", "wechat_pay"})
OPEN = frozenset({"requires_payment_method", "requires_confirmation", "requires_action", "processing"})
FEE_BP = 290
CARDS = {"pm_card_visa": None, "pm_card_chargeDeclined": "card_declined"}
"""Test cards: what the bank says."""
DECLINED = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "payment_method_provider_decline": "The payment was declined by the wallet.",
}


def make(given: dict[str, Any], types: list[str]) -> Object:
    """A new intent of these method types, not yet confirmed."""
    if unknown := set(types) - METHODS:
        raise invalid(f"Unknown payment method types: {sorted(unknown)}", param="payment_method_types")
    intent = store().add(
        "payment_intent",
        amount=amount(given),
        amount_received=0,
        currency=str(given.get("currency", "")).lower(),
        status="requires_payment_method",
        payment_method_types=types,
        payment_method=None,
        metadata=given.get("metadata", {}),
        description=given.get("description"),
        client_secret=secrets.token_urlsafe(18),
        last_payment_error=None,
        latest_charge=None,
        next_action=None,
        return_url=given.get("return_url"),
        canceled_at=None,
        cancellation_reason=None,
    )
    happen(store(), "payment_intent.created", intent)
    return intent


def confirm(intent: Object, given: dict[str, Any]) -> Object:
    """The buyer means it: a card is charged at once, a wallet asks for a further step."""
    card = given.get("payment_method")
    if card in CARDS:
        return decline(intent, CARDS[card]) if CARDS[card] else succeed(intent)
    kind = given.get("payment_method_data", {}).get("type")
    if kind == "alipay":
        if not (return_url := given.get("return_url") or intent["return_url"]):
            raise invalid("A return_url must be given to confirm with alipay.", param="return_url")
        step: Object = {"alipay_handle_redirect": {"url": page(intent), "return_url": return_url}}
    elif kind == "wechat_pay":
        return_url = None
        step = {"wechat_pay_display_qr_code": _qr_code(intent)}
    else:
        raise invalid("You cannot confirm this PaymentIntent without a payment method.", param="payment_method")
    name = next(iter(step))
    return store().change(
        intent,
        status="requires_action",
        payment_method_types=[kind],
        return_url=return_url,
        next_action={"type": name, **step},
    )


def page(intent: Object, *, scanned: bool = False) -> str:
    """The address of the page where the buyer pays; `scanned` is the one behind the QR code."""
    kind = "pay" if scanned or "wechat_pay" not in intent["payment_method_types"] else "qr"
    return f"{request.host_url}{kind}/{intent['id']}"


def _qr_code(intent: Object) -> Object:
    scanned = page(intent, scanned=True)
    png = io.BytesIO()
    segno.make(scanned, micro=False).save(png, kind="png", scale=6)
    return {
        "data": scanned,
        "hosted_instructions_url": f"{request.host_url}qr/{intent['id']}",
        "image_data_url": "data:image/png;base64," + base64.b64encode(png.getvalue()).decode(),
    }


def succeed(intent: Object) -> Object:
    """The money is there: a charge with its fee, and the news. An armed `decline` turns it into a no."""
    if (fault := faults.strike(store(), "decline")) is not None:
        return decline(intent, str(fault.get("code", "card_declined")))
    if intent["status"] not in OPEN:
        raise invalid(f"This PaymentIntent is {intent['status']}.", code="payment_intent_unexpected_state")
    charge = store().add(
        "charge",
        amount=intent["amount"],
        amount_refunded=0,
        currency=intent["currency"],
        payment_intent=intent["id"],
        paid=True,
        refunded=False,
        status="succeeded",
        metadata=intent["metadata"],
        balance_transaction=None,
    )
    fee = intent["amount"] * FEE_BP // 10_000
    store().change(charge, balance_transaction=balance("charge", charge, intent["amount"], fee=fee)["id"])
    store().change(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=None,
    )
    happen(store(), "charge.succeeded", charge)
    happen(store(), "payment_intent.succeeded", intent)
    return intent


def decline(intent: Object, code: str | None) -> Object:
    """The bank or the wallet says no; the intent waits for another try."""
    if intent["status"] not in OPEN:
        raise invalid(f"This PaymentIntent is {intent['status']}.", code="payment_intent_unexpected_state")
    code = code or "card_declined"
    error = {"type": "card_error", "code": code, "message": DECLINED.get(code, "The payment was declined.")}
    store().change(intent, status="requires_payment_method", last_payment_error=error, next_action=None)
    happen(store(), "payment_intent.payment_failed", intent)
    return intent


def balance(kind: str, source: Object, minor: int, *, fee: int = 0) -> Object:
    """A line of the account with Stripe."""
    return store().add(
        "balance_transaction",
        type=kind,
        amount=minor,
        fee=fee,
        net=minor - fee,
        currency=source["currency"],
        source=source["id"],
        status="pending",
    )


@endpoint(blueprint, "/v1/payment_intents")
def create() -> Object:
    """Make an intent, confirmed at once when asked."""
    given = parameters()
    kind = given.get("payment_method_data", {}).get("type")
    intent = make(given, given.get("payment_method_types") or [kind or "card"])
    return confirm(intent, given) if given.get("confirm") == "true" else intent


@endpoint(blueprint, "/v1/payment_intents/<id_>/confirm")
def confirm_one(id_: str) -> Object:
    """Confirm an intent; a decline is told as 402 with the intent's state kept."""
    intent = confirm(found(id_, "payment_intent"), parameters())
    if error := intent["last_payment_error"]:
        raise StripeSays(402, "card_error", error["message"], code=error["code"])
    return intent


@endpoint(blueprint, "/v1/payment_intents/<id_>/cancel")
def cancel(id_: str) -> Object:
    """Close an intent that nobody has paid."""
    intent = found(id_, "payment_intent")
    if intent["status"] not in OPEN:
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise invalid(message, code="payment_intent_unexpected_state")
    reason = parameters().get("cancellation_reason")
    store().change(intent, status="canceled", canceled_at=moment(), cancellation_reason=reason, next_action=None)
    happen(store(), "payment_intent.canceled", intent)
    return intent


@endpoint(blueprint, "/v1/payment_intents/<id_>", method="GET")
def read(id_: str) -> Object:
    """One intent."""
    return found(id_, "payment_intent")


@endpoint(blueprint, "/v1/charges/<id_>", method="GET")
def read_charge(id_: str) -> Object:
    """One charge."""
    return found(id_, "charge")


@endpoint(blueprint, "/v1/balance_transactions", method="GET")
def list_balance() -> Object:
    """The account with Stripe, newest first."""
    return listed("balance_transaction")


@endpoint(blueprint, "/v1/balance_transactions/<id_>", method="GET")
def read_balance(id_: str) -> Object:
    """One line of it."""
    return found(id_, "balance_transaction")
