"""The stand-in behaves as Stripe does: through Stripe's own library."""

import base64
import io

import pytest
import requests
import zxingcpp
from PIL import Image

from orders import stripe as adapter
from orders.standin import LiveWorld, create_app
from tests.standin.running import KEY, StandIn

pytestmark = pytest.mark.no_db

ASKED = {"order_number": "4312", "amount_minor": 2_990, "currency": "CNY", "return_url": "http://shop.test/back"}


def asked(method: str, payment_id: str = "p1", **changes: object) -> adapter.Asked:
    return adapter.Asked(payment_id=payment_id, method=method, **(ASKED | changes))  # type: ignore[arg-type]


def intent_of(opened: adapter.Opened) -> str:
    return opened.intent_id or adapter.intent_of_session(opened.session_id or "") or ""


@pytest.mark.parametrize("method", ["card", "alipay", "wechat_pay"])
def test_each_method_is_paid_on_its_page(standin: StandIn, method: str) -> None:
    opened = adapter.open_payment(asked(method))
    assert requests.get(opened.pay_url, timeout=5).status_code == 200
    standin.press(opened.pay_url)
    intent = adapter.read_intent(intent_of(opened))
    assert (intent.state, intent.received_minor, intent.currency) == (adapter.IntentState.PAID, 2_990, "CNY")
    assert (intent.payment_id, intent.order_number, intent.livemode) == ("p1", "4312", False)
    assert "_standin_" in intent.id


def test_alipay_leads_back_to_the_shop(standin: StandIn) -> None:
    answer = standin.press(adapter.open_payment(asked("alipay")).pay_url)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("http://shop.test/back?payment_intent=pi_standin_")


def test_a_phone_reads_the_wechat_code_and_pays_behind_it(standin: StandIn, tmp_path: object) -> None:
    opened = adapter.open_payment(asked("wechat_pay"))
    page = requests.get(opened.pay_url, timeout=5).text
    code = page.split("data:image/png;base64,")[1].split('"')[0]
    seen = zxingcpp.read_barcodes(Image.open(io.BytesIO(base64.b64decode(code))))[0].text
    assert seen == opened.qr_text
    requests.post(seen, data={"outcome": "pay"}, timeout=5)
    assert "已付款" in requests.get(opened.pay_url, timeout=5).text


@pytest.mark.parametrize("method", ["card", "alipay", "wechat_pay"])
def test_a_declined_payment_says_why(standin: StandIn, method: str) -> None:
    opened = adapter.open_payment(asked(method))
    standin.press(opened.pay_url, "fail")
    intent = adapter.read_intent(intent_of(opened))
    assert (intent.state, intent.received_minor) == (adapter.IntentState.DECLINED, 0)
    assert intent.reason in {"card_declined", "payment_method_provider_decline"}


def test_a_card_may_be_tried_again_on_the_same_page(standin: StandIn) -> None:
    opened = adapter.open_payment(asked("card"))
    standin.press(opened.pay_url, "fail")
    standin.press(opened.pay_url)
    assert adapter.read_intent(intent_of(opened)).state is adapter.IntentState.PAID


def test_pressing_pay_twice_charges_once(standin: StandIn) -> None:
    opened = adapter.open_payment(asked("alipay"))
    standin.press(opened.pay_url)
    standin.press(opened.pay_url)
    assert len(standin.objects("charge")) == 1


def test_the_same_key_opens_one_payment(standin: StandIn) -> None:
    assert adapter.open_payment(asked("alipay")) == adapter.open_payment(asked("alipay"))
    assert len(standin.objects("payment_intent")) == 1


def test_the_same_key_with_another_amount_is_an_error(standin: StandIn) -> None:
    adapter.open_payment(asked("alipay"))
    with pytest.raises(adapter.StripeRefused):
        adapter.open_payment(asked("alipay", amount_minor=1))


def test_a_timeout_after_success_is_healed_by_the_key(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "ANSWER_TIMEOUT_S", 0.3)
    impatient = adapter.make_client(KEY, standin.url)
    monkeypatch.setattr(adapter, "_client", lambda: impatient)
    standin.arm("timeout", seconds=0.8)
    with pytest.raises(adapter.StripeUnreachable):
        adapter.open_payment(asked("alipay"))
    opened = adapter.open_payment(asked("alipay"))
    assert [intent["id"] for intent in standin.objects("payment_intent")] == [opened.intent_id]


@pytest.mark.parametrize("kind", ["rate_limit", "server_error"])
def test_trouble_on_their_side_may_be_tried_again(standin: StandIn, kind: str) -> None:
    standin.arm(kind)
    with pytest.raises(adapter.StripeUnreachable):
        adapter.open_payment(asked("alipay"))
    assert adapter.open_payment(asked("alipay")).intent_id


def test_a_wrong_key_is_turned_away(standin: StandIn) -> None:
    stranger = {"Authorization": "Bearer sk_test_other"}
    assert requests.get(f"{standin.url}/v1/events", headers=stranger, timeout=5).status_code == 401
    assert requests.post(f"{standin.url}/_control/faults", headers=stranger, timeout=5).status_code == 401


@pytest.mark.parametrize("amount_minor", [0, -1, 10**12])
def test_impossible_amounts_are_refused(standin: StandIn, amount_minor: int) -> None:
    with pytest.raises(adapter.StripeRefused):
        adapter.open_payment(asked("alipay", amount_minor=amount_minor))


def test_a_closed_payment_takes_no_money(standin: StandIn) -> None:
    for method in ("card", "alipay"):
        opened = adapter.open_payment(asked(method, payment_id=method))
        adapter.close_payment(method, intent_id=opened.intent_id, session_id=opened.session_id)
        standin.press(opened.pay_url)
    assert standin.objects("charge") == []


def test_a_paid_payment_is_not_closed(standin: StandIn) -> None:
    opened = adapter.open_payment(asked("alipay"))
    standin.press(opened.pay_url)
    with pytest.raises(adapter.StripeRefused):
        adapter.close_payment("p1", intent_id=opened.intent_id, session_id=None)


def test_refunds_add_up_to_what_was_paid_and_no_further(standin: StandIn) -> None:
    opened = adapter.open_payment(asked("alipay"))
    standin.press(opened.pay_url)
    intent_id = opened.intent_id or ""
    first = adapter.refund("r1", attempt=1, intent_id=intent_id, amount_minor=1_990)
    assert adapter.refund("r1", attempt=1, intent_id=intent_id, amount_minor=1_990) == first
    with pytest.raises(adapter.StripeRefused):
        adapter.refund("r2", attempt=1, intent_id=intent_id, amount_minor=1_001)
    adapter.refund("r3", attempt=1, intent_id=intent_id, amount_minor=1_000)
    assert sum(line["amount"] for line in standin.objects("balance_transaction")) == 0
    assert [line["fee"] for line in standin.objects("balance_transaction") if line["type"] == "charge"] == [86]


def test_a_failed_refund_returns_to_our_account(standin: StandIn) -> None:
    opened = adapter.open_payment(asked("alipay"))
    standin.press(opened.pay_url)
    standin.arm("refund_pending")
    made = adapter.refund("r1", attempt=1, intent_id=opened.intent_id or "", amount_minor=990)
    assert made.status == "pending"
    standin.end_refund(made.id, "failed")
    assert adapter.read_refund(made.id).status == "failed"
    assert sum(line["amount"] for line in standin.objects("balance_transaction")) == 2_990


def test_it_does_not_start_in_a_live_world(tmp_path: object) -> None:
    with pytest.raises(LiveWorld):
        create_app(":memory:", api_key=KEY, secret="whsec_x", world="live")
    with pytest.raises(LiveWorld):
        create_app(":memory:", api_key="sk_live_x", secret="whsec_x")


def test_it_answers_this_machine_only() -> None:
    stranger = create_app(":memory:", api_key=KEY, secret="whsec_x").test_client()
    assert stranger.get("/healthz", environ_base={"REMOTE_ADDR": "192.168.1.7"}).status_code == 403
    assert stranger.get("/healthz").status_code == 200
