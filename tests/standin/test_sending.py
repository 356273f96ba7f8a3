"""Events reach the house signed, again and again until it has said yes, and in disorder when that is asked for."""

import time
from collections.abc import Mapping

import pytest

from orders import stripe as adapter
from orders.standin.sender import PAUSE_MAX_S, pause_s
from tests.standin.running import StandIn

pytestmark = pytest.mark.no_db


class Receiver:
    """Answers as it is told and remembers what came."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.seen: list[str] = []

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> int:
        self.seen.append(adapter.read_event(body, headers["Stripe-Signature"]).kind)
        return self.statuses.pop(0) if self.statuses else 200


def pay(payment_id: str = "p1") -> adapter.Opened:
    asked = adapter.Asked(payment_id, "4312", "alipay", 2_990, "CNY", "http://shop.test/back")
    return adapter.open_payment(asked)


def test_an_event_is_sent_again_until_it_is_taken(standin: StandIn) -> None:
    standin.press(pay().pay_url)
    receiver = standin.sender.post = Receiver(500, 404, 200)
    now = time.time()
    assert [standin.sender.send_due(now + ahead) for ahead in (1, 5, 20, 60)] == [0, 0, 1, 0]
    assert receiver.seen == ["payment_intent.succeeded"] * 3


def test_pauses_grow_up_to_a_bound() -> None:
    assert [pause_s(tries) for tries in (1, 2, 3, 30)] == [1, 2, 4, PAUSE_MAX_S]


def test_a_duplicate_comes_as_often_as_asked(standin: StandIn) -> None:
    standin.arm("webhook_duplicate", copies=3)
    standin.press(pay().pay_url)
    receiver = standin.sender.post = Receiver()
    standin.sender.send_due()
    assert len(receiver.seen) == 4


def test_a_reordered_event_is_overtaken(standin: StandIn) -> None:
    opened = pay()
    standin.arm("webhook_reorder")
    standin.press(opened.pay_url)
    adapter.refund("r1", attempt=1, intent_id=opened.intent_id or "", amount_minor=1)
    receiver = standin.sender.post = Receiver()
    standin.sender.send_due()
    standin.sender.send_due(time.time() + 60)
    assert receiver.seen == ["refund.created", "charge.refunded", "payment_intent.succeeded"]


def test_a_delayed_event_waits(standin: StandIn) -> None:
    standin.arm("webhook_delay", seconds=30)
    standin.press(pay().pay_url)
    receiver = standin.sender.post = Receiver()
    standin.sender.send_due()
    assert receiver.seen == []
    standin.sender.send_due(time.time() + 31)
    assert receiver.seen == ["payment_intent.succeeded"]


def test_a_forged_event_carries_a_wrong_signature(standin: StandIn) -> None:
    standin.arm("webhook_forged")
    standin.press(pay().pay_url)
    standin.sender.post = Receiver()
    with pytest.raises(adapter.SignatureWrong):
        standin.sender.send_due()
