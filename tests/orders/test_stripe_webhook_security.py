"""A stranger gains nothing by the webhook: what is not signed is not heard, what does not fit changes no row."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.db import session
from core.settings import settings
from core.testing import run_jobs
from orders import stripe, webhooks
from orders.orders import Order, OrderStatus
from orders.payments import Payment
from orders.standin.sender import sign
from orders.webhooks import EventOutcome, StripeEvent, WebhookUnsigned
from tests.orders import buying
from tests.orders.buying import MORNING
from tests.standin.running import StandIn


def body(object_id: str, **changes: object) -> bytes:
    """An event as Stripe words it."""
    event = {
        "id": "evt_test_1",
        "object": "event",
        "api_version": stripe.API_VERSION,
        "type": "payment_intent.succeeded",
        "created": 1_760_000_000,
        "livemode": False,
        "data": {"object": {"id": object_id, "object": "payment_intent", "amount": 2_990, "status": "succeeded"}},
    }
    return json.dumps(event | changes).encode()


def signed(raw: bytes, *, secret: str | None = None, age_s: int = 0) -> str:
    return sign(raw, secret or str(settings().stripe_webhook_secret), int(time.time()) - age_s)


def events() -> int:
    return session.scalar(select(func.count()).select_from(StripeEvent)) or 0


def worked(raw: bytes) -> StripeEvent:
    webhooks.receive(raw, signed(raw), now=MORNING)
    run_jobs(MORNING)
    return session.scalars(select(StripeEvent).execution_options(populate_existing=True)).one()


BAD: dict[str, Callable[[bytes], tuple[bytes, str]]] = {
    "unsigned": lambda raw: (raw, ""),
    "altered": lambda raw: (raw.replace(b"2990", b"2991"), signed(raw)),
    "other secret": lambda raw: (raw, signed(raw, secret="whsec_other")),
    "301 seconds old": lambda raw: (raw, signed(raw, age_s=301)),
    "of the future": lambda raw: (raw, signed(raw, age_s=-400)),
    "no time": lambda raw: (raw, signed(raw).split(",")[1]),
    "old scheme only": lambda raw: (raw, signed(raw).replace("v1=", "v0=")),
    "not text": lambda raw: (b"\xff\xfe" + raw, signed(raw)),
    "signed but no event": lambda raw: (b"[1]", signed(b"[1]")),
    "signed but no JSON": lambda raw: (b"x", signed(b"x")),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_rightly_signed_is_not_kept(kind: str) -> None:
    raw, signature = BAD[kind](body("pi_1"))
    with pytest.raises(WebhookUnsigned) as refusal:
        webhooks.receive(raw, signature, now=MORNING)
    assert (refusal.value.status, refusal.value.code, events()) == (400, "webhook_unsigned", 0)


def test_a_signature_of_four_minutes_ago_still_counts() -> None:
    raw = body("pi_1")
    assert webhooks.receive(raw, signed(raw, age_s=240), now=MORNING)


def test_both_secrets_count_while_one_takes_the_others_place(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rotating:
        stripe_webhook_secret = "whsec_new,whsec_old"

    monkeypatch.setattr(stripe, "settings", Rotating)
    for number, secret in enumerate(("whsec_new", "whsec_old")):
        raw = body("pi_1", id=f"evt_{number}")
        assert webhooks.receive(raw, signed(raw, secret=secret), now=MORNING)


def test_the_body_is_not_believed(standin: StandIn) -> None:
    """The event says succeeded; Stripe, asked, says it waits: nothing is paid."""
    order = buying.order()
    payment = buying.opened(order)
    assert worked(body(payment.intent_id or "")).outcome is EventOutcome.WORKED
    assert session.get_one(Order, order.id).status is OrderStatus.AWAITING_PAYMENT
    assert buying.balances(order) == {}


@pytest.mark.parametrize(
    ("changes", "note"), [({"livemode": True}, "livemode"), ({"account": "acct_other"}, "account")]
)
def test_news_of_another_world_or_account_is_refused(standin: StandIn, changes: dict[str, object], note: str) -> None:
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment)
    event = worked(body(payment.intent_id or "", **changes))
    assert (event.outcome, event.note) == (EventOutcome.REFUSED, note)
    assert session.get_one(Order, order.id).status is OrderStatus.AWAITING_PAYMENT


def test_an_object_that_stripe_does_not_know_is_refused(standin: StandIn) -> None:
    event = worked(body("pi_made_up"))
    assert (event.outcome, event.note) == (EventOutcome.REFUSED, "resource_missing")


@pytest.mark.parametrize(("field", "value", "note"), [("amount_minor", 1, "amount"), ("currency", "USD", "currency")])
def test_money_that_does_not_fit_our_row_pays_nothing(standin: StandIn, field: str, value: object, note: str) -> None:
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment)
    setattr(session.get_one(Payment, payment.id), field, value)
    session.flush()
    event = worked(body(payment.intent_id or ""))
    assert (event.outcome, event.note) == (EventOutcome.REFUSED, note)
    assert session.get_one(Order, order.id).status is OrderStatus.AWAITING_PAYMENT
    assert buying.balances(order) == {}


def test_the_payment_of_one_order_never_pays_another(standin: StandIn) -> None:
    mine, other = buying.order(), buying.order()
    payment = buying.opened(mine)
    buying.pay(standin, payment)
    session.get_one(Payment, payment.id).order_id = other.id
    session.flush()
    event = worked(body(payment.intent_id or ""))
    assert (event.outcome, event.note) == (EventOutcome.REFUSED, "order")


def test_a_replayed_event_changes_nothing(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment)
    raw = body(payment.intent_id or "")
    signature = signed(raw)
    assert webhooks.receive(raw, signature, now=MORNING) is True
    assert webhooks.receive(raw, signature, now=MORNING) is False
    run_jobs(MORNING)
    assert buying.balances(order) == {"stripe:clearing": 2_990, "buyer": -2_990}


def test_events_are_built_in_one_place_and_never_without_their_signature() -> None:
    root = Path(stripe.__file__).parents[1]
    sources = [
        file for package in ("core", "logistics", "shop", "orders", "web") for file in (root / package).rglob("*.py")
    ]
    calls = [file.name for file in sources if "construct_event" in file.read_text()]
    assert calls == ["stripe.py"]
    assert "without_verification" not in Path(stripe.__file__).read_text()
