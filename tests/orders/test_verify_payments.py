"""The checks of payments are silent over a sound history and name each kind of damage."""

import pytest
from sqlalchemy import text

from core.db import session
from core.testing import run_jobs
from orders import arrivals, cash, lifecycle, refunding, stripe, verify_payments
from orders.refunds import RefundReason
from tests import make
from tests.orders import buying
from tests.orders.buying import MORNING
from tests.standin.running import StandIn


def broken() -> set[str]:
    session.flush()
    return {name for name, query in verify_payments.checks() if session.execute(text(query)).all()}


def a_sound_history(standin: StandIn) -> None:
    """Paid and partly refunded, paid after a cancellation, paid in cash and handed back, and one left open."""
    for number in range(2):
        order = buying.order(1, 1)
        payment = buying.opened(order)
        buying.pay(standin, payment)
        if number:
            lifecycle.cancel(order, by=order.buyer_id, now=MORNING)
        arrivals.take_in(stripe.read_intent(payment.intent_id or ""), live=False, now=MORNING)
        if not number:
            amounts = {buying.lines_of(order)[0].id: 990}
            refunding.of_lines(order, amounts, reason=RefundReason.QUALITY, key="k1", now=MORNING)
    counter, keeper = buying.order(), make.user()
    cash.take(counter, given_minor=2_990, by=keeper.id, now=MORNING)
    refund = refunding.whole(counter, reason=RefundReason.REQUEST, key="k2", now=MORNING)
    cash.hand_out(refund, by=keeper.id, now=MORNING)
    run_jobs(MORNING)
    buying.opened(buying.order())


def test_a_sound_history_breaks_nothing(standin: StandIn) -> None:
    a_sound_history(standin)
    assert broken() == set()


DAMAGE = {
    "UPDATE payments SET amount_minor = amount_minor + 1, given_minor = given_minor + 1": {
        "every payment that succeeded is in the books once, with its amount",
        "money that could pay for nothing goes back",
        "what the books have at Stripe is what Stripe took less what it returned",
    },
    "UPDATE orders SET paid_at = NULL": {"an order is paid exactly when one payment is kept for it"},
    "UPDATE payments SET refunded_minor = 0": {
        "money that could pay for nothing goes back",
        "what was refunded of a payment is the sum of its refunds",
    },
    "UPDATE order_lines SET refunded_minor = 0": {
        "what was refunded of a line is the sum of its refunds",
        "what was refunded of an order is the sum of its lines",
    },
    "UPDATE refunds SET amount_minor = amount_minor - 1": {
        "a refund is the sum of its lines",
        "what was refunded of a payment is the sum of its refunds",
        "what the books have at Stripe is what Stripe took less what it returned",
    },
    "UPDATE refunds SET status = 'requested'": {
        "what the books owe to buyers is what is on its way to them",
        "what the books have at Stripe is what Stripe took less what it returned",
    },
    "UPDATE refunds SET attempt = 2": {"every refund is in the books"},
    "UPDATE payments SET status = 'failed' WHERE status = 'pending'": {
        "every step of a payment or refund left its row"
    },
    "INSERT INTO stripe_events (id, event_id, kind, object_id, livemode, created_at, received_at, note) VALUES "
    "(gen_random_uuid(), 'evt', 'charge.refunded', 'ch', false, now(), now() - interval '2 hours', '')": {
        "every event of Stripe is worked within the hour"
    },
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named(standin: StandIn, damage: str) -> None:
    a_sound_history(standin)
    session.execute(text(damage))
    assert broken() == DAMAGE[damage]


def test_what_can_be_derived_is_mended(standin: StandIn) -> None:
    a_sound_history(standin)
    for table in ("payments", "order_lines", "orders"):
        session.execute(text(f"UPDATE {table} SET refunded_minor = 0"))
    assert broken() >= verify_payments.repairs().keys() - {"what was refunded of an order is the sum of its lines"}
    for mend in verify_payments.repairs().values():
        session.execute(text(mend))
    assert broken() == set()
