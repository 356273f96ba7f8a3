"""Stripe behind one small adapter: the only file that imports its library.

A card is paid on Stripe's Checkout page; Alipay and WeChat Pay by an intent that is confirmed at once and answers with
a page to open or a code to scan. Every call carries a key of ours, so that a repeat does nothing twice. Nothing here
touches the database; callers hold no row lock while they ask. Metadata carries numbers only, never a person's data.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import stripe

from core.settings import settings

API_VERSION = "2026-10-28.endive"
CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 6.0
"""Together below the 10 s that the database lets a job's transaction wait."""
TOLERANCE_S = 300


class StripeUnreachable(Exception):
    """No answer, too many requests, or trouble on their side: the same call may be made again with the same key."""


class StripeRefused(Exception):
    """A clear no to this very call; `code` is Stripe's word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SignatureWrong(Exception):
    """The body was not signed by Stripe with our secret within the last five minutes."""


class IntentState(StrEnum):
    """What an intent means to us."""

    OPEN = "open"
    PAID = "paid"
    DECLINED = "declined"
    CLOSED = "closed"


@dataclass(frozen=True)
class Asked:
    """A payment to be opened."""

    payment_id: str
    order_number: str
    method: str
    amount_minor: int
    currency: str
    return_url: str


@dataclass(frozen=True)
class Opened:
    """Where the buyer pays: a page, and for WeChat the text of the code to scan."""

    intent_id: str | None
    session_id: str | None
    pay_url: str
    qr_text: str | None


@dataclass(frozen=True)
class Intent:
    """An intent as Stripe has it now."""

    id: str
    state: IntentState
    amount_minor: int
    received_minor: int
    currency: str
    payment_id: str
    order_number: str
    livemode: bool
    reason: str


@dataclass(frozen=True)
class Returned:
    """A refund as Stripe has it now: pending, succeeded, failed or canceled."""

    id: str
    status: str
    amount_minor: int
    currency: str
    refund_id: str
    reason: str


@dataclass(frozen=True)
class News:
    """The part of an event that is believed: that something happened to some object."""

    event_id: str
    kind: str
    object_id: str
    account: str | None
    livemode: bool
    created_at: datetime


def make_client(key: str, base: str | None) -> stripe.StripeClient:
    """A client of the pinned API version; `base` leads it to a stand-in."""
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": base} if base else {},
        http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S)),
        max_network_retries=0,
    )


@cache
def _client() -> stripe.StripeClient:
    return make_client(str(settings().stripe_key), settings().stripe_api_base)


@contextmanager
def _asking() -> Iterator[None]:
    """Stripe's many errors as our two."""
    try:
        yield
    except stripe.IdempotencyError as error:
        raise (StripeUnreachable if error.http_status == 409 else StripeRefused)(str(error.code)) from error
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        raise StripeRefused(error.code or "invalid_request") from error
    except stripe.StripeError as error:
        raise StripeUnreachable(type(error).__name__) from error


def open_payment(asked: Asked) -> Opened:
    """Make the place where the buyer pays. Raises StripeUnreachable, StripeRefused."""
    with _asking():
        return _open_card(asked) if asked.method == "card" else _open_wallet(asked)


def _metadata(asked: Asked) -> dict[str, str]:
    return {"order": asked.order_number, "payment": asked.payment_id}


def _open_card(asked: Asked) -> Opened:
    price: Any = {
        "currency": asked.currency.lower(),
        "unit_amount": asked.amount_minor,
        "product_data": {"name": asked.order_number},
    }
    params: Any = {
        "mode": "payment",
        "payment_method_types": ["card"],
        "line_items": [{"price_data": price, "quantity": 1}],
        "metadata": _metadata(asked),
        "payment_intent_data": {"metadata": _metadata(asked)},
        "success_url": asked.return_url,
        "cancel_url": asked.return_url,
    }
    session = _client().v1.checkout.sessions.create(params, {"idempotency_key": f"payment:{asked.payment_id}"})
    return Opened(_id(session.payment_intent), session.id, session.url or "", None)


def _open_wallet(asked: Asked) -> Opened:
    params: Any = {
        "amount": asked.amount_minor,
        "currency": asked.currency.lower(),
        "confirm": True,
        "payment_method_types": [asked.method],
        "payment_method_data": {"type": asked.method},
        "metadata": _metadata(asked),
    }
    if asked.method == "alipay":
        params["return_url"] = asked.return_url
    else:
        params["payment_method_options"] = {"wechat_pay": {"client": "web"}}
    intent = _client().v1.payment_intents.create(params, {"idempotency_key": f"payment:{asked.payment_id}"})
    step: Any = intent.next_action
    if asked.method == "alipay":
        return Opened(intent.id, None, step["alipay_handle_redirect"]["url"], None)
    code = step["wechat_pay_display_qr_code"]
    return Opened(intent.id, None, code["hosted_instructions_url"], code["data"])


def read_intent(intent_id: str) -> Intent:
    """An intent as it is at this moment. Raises StripeUnreachable, StripeRefused."""
    with _asking():
        intent = _client().v1.payment_intents.retrieve(intent_id)
    metadata = _words(intent.metadata)
    error = intent.last_payment_error
    return Intent(
        id=intent.id,
        state=_state(intent.status, declined=error is not None),
        amount_minor=intent.amount,
        received_minor=intent.amount_received,
        currency=intent.currency.upper(),
        payment_id=metadata.get("payment", ""),
        order_number=metadata.get("order", ""),
        livemode=intent.livemode,
        reason=(error.code or "declined") if error is not None else "",
    )


def _state(status: str, *, declined: bool) -> IntentState:
    if status == "succeeded":
        return IntentState.PAID
    if status == "canceled":
        return IntentState.CLOSED
    return IntentState.DECLINED if status == "requires_payment_method" and declined else IntentState.OPEN


def intent_of_session(session_id: str) -> str | None:
    """The intent of a Checkout page, once the buyer has tried to pay. Raises StripeUnreachable, StripeRefused."""
    with _asking():
        return _id(_client().v1.checkout.sessions.retrieve(session_id).payment_intent)


def close_payment(payment_id: str, *, intent_id: str | None, session_id: str | None) -> None:
    """Shut the place where the buyer pays. Raises StripeRefused when it is too late for that, StripeUnreachable."""
    options: Any = {"idempotency_key": f"payment:{payment_id}:close"}
    with _asking():
        if session_id:
            _client().v1.checkout.sessions.expire(session_id, None, options)
        elif intent_id:
            _client().v1.payment_intents.cancel(intent_id, None, options)


def refund(refund_id: str, *, attempt: int, intent_id: str, amount_minor: int) -> Returned:
    """Send money of an intent back. Raises StripeUnreachable, StripeRefused."""
    with _asking():
        made = _client().v1.refunds.create(
            {"payment_intent": intent_id, "amount": amount_minor, "metadata": {"refund": refund_id}},
            {"idempotency_key": f"refund:{refund_id}:{attempt}"},
        )
    return _returned(made)


def read_refund(stripe_id: str) -> Returned:
    """A refund as it is at this moment. Raises StripeUnreachable, StripeRefused."""
    with _asking():
        return _returned(_client().v1.refunds.retrieve(stripe_id))


def _returned(made: stripe.Refund) -> Returned:
    metadata = _words(made.metadata)
    reason = getattr(made, "failure_reason", None) or ""
    return Returned(
        made.id, made.status or "pending", made.amount, made.currency.upper(), metadata.get("refund", ""), reason
    )


def read_event(body: bytes, signature: str) -> News:
    """What a webhook says, its signature and age checked on the raw bytes. Raises SignatureWrong."""
    for secret in str(settings().stripe_webhook_secret).split(","):  # two while one takes the other's place
        try:
            event = stripe.Webhook.construct_event(body, signature, secret, tolerance=TOLERANCE_S)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SignatureWrong("signed, but no event") from error
        _check_not_ahead(signature)
        return News(
            event_id=event.id,
            kind=event.type,
            object_id=str(event.data.object["id"]),
            account=getattr(event, "account", None),
            livemode=event.livemode,
            created_at=datetime.fromtimestamp(event.created, UTC),
        )
    raise SignatureWrong("no secret of ours")


def _check_not_ahead(signature: str) -> None:
    """The library lets a signature of the future pass; it would stay fresh for as long as it likes."""
    stamp = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
    if datetime.fromtimestamp(stamp, UTC) > datetime.now(UTC) + timedelta(seconds=TOLERANCE_S):
        raise SignatureWrong("signed in the future")


def _words(metadata: Any) -> dict[str, str]:
    """Metadata as a dictionary; what the library gives is none since version 15."""
    return dict(metadata.to_dict()) if metadata is not None else {}


def _id(object_or_id: Any) -> str | None:
    """The id of something that Stripe sends whole or by its id."""
    return object_or_id if object_or_id is None or isinstance(object_or_id, str) else str(object_or_id.id)
