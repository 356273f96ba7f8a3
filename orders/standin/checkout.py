"""Checkout sessions: Stripe's own page for paying by card."""

from typing import Any

from flask import Blueprint, request

from orders.standin import intents
from orders.standin.errors import invalid
from orders.standin.events import happen
from orders.standin.store import Object
from orders.standin.wire import amount, endpoint, found, moment, parameters, store

blueprint = Blueprint("checkout", __name__)

OPEN_S = 24 * 3600


@endpoint(blueprint, "/v1/checkout/sessions")
def create() -> Object:
    """A page for one payment. Its intent is made when the buyer first tries to pay, as Stripe does it."""
    given = parameters()
    if given.get("mode") != "payment" or not given.get("success_url"):
        raise invalid("mode=payment and success_url are needed.", param="mode")
    total, currency = _total(given)
    session = store().add(
        "checkout.session",
        mode="payment",
        amount_total=total,
        currency=currency,
        status="open",
        payment_status="unpaid",
        payment_intent=None,
        payment_intent_data=given.get("payment_intent_data", {}),
        payment_method_types=given.get("payment_method_types", ["card"]),
        metadata=given.get("metadata", {}),
        success_url=given["success_url"],
        cancel_url=given.get("cancel_url"),
        expires_at=int(given.get("expires_at", moment() + OPEN_S)),
    )
    return store().change(session, url=f"{request.host_url}card/{session['id']}")


def _total(given: dict[str, Any]) -> tuple[int, str]:
    items = given.get("line_items") or []
    prices = [item.get("price_data", {}) for item in items]
    currencies = {str(price.get("currency", "")).lower() for price in prices}
    if len(currencies) != 1:
        raise invalid("line_items need one currency.", param="line_items")
    total = sum(
        amount(price, "unit_amount") * int(item.get("quantity", 1)) for item, price in zip(items, prices, strict=True)
    )
    return total, currencies.pop()


def pay(session: Object, card: str) -> Object:
    """The buyer presses the button with a card in hand; returns the intent."""
    if session["status"] != "open":
        raise invalid("This Checkout Session is no longer open.")
    intent = store().find(session["payment_intent"] or "", "payment_intent")
    if intent is None:
        asked = {"amount": session["amount_total"], "currency": session["currency"], **session["payment_intent_data"]}
        intent = intents.make(asked, ["card"])
        store().change(session, payment_intent=intent["id"])
    intent = intents.confirm(intent, {"payment_method": card})
    if intent["status"] == "succeeded":
        store().change(session, status="complete", payment_status="paid", url=None)
        happen(store(), "checkout.session.completed", session)
    return intent


@endpoint(blueprint, "/v1/checkout/sessions/<id_>", method="GET")
def read(id_: str) -> Object:
    """One session."""
    return found(id_, "checkout.session")


@endpoint(blueprint, "/v1/checkout/sessions/<id_>/expire")
def expire(id_: str) -> Object:
    """Close a page that nobody has paid on; its intent, if there is one, is cancelled with it."""
    session = found(id_, "checkout.session")
    if session["status"] != "open":
        raise invalid("Only Checkout Sessions with a status of open can be expired.")
    intent = store().find(session["payment_intent"] or "", "payment_intent")
    if intent and intent["status"] in intents.OPEN:
        store().change(intent, status="canceled", canceled_at=moment())
        happen(store(), "payment_intent.canceled", intent)
    store().change(session, status="expired", url=None)
    happen(store(), "checkout.session.expired", session)
    return session
