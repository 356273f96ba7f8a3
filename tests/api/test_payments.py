"""Paying over HTTP, from the wish to pay to the receipt, for those whose order it is."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from core import clock
from core.db import session
from core.permissions import Role
from core.testing import run_jobs
from core.users import User
from logistics.stations import Station
from orders.orders import Order, OrderStatus
from tests import make
from tests.standin.running import StandIn, standin

__all__ = ["standin"]

Login = Callable[..., dict[str, str]]


class Caller:
    """A signed-in person with a fresh key for each deed."""

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    def post(self, path: str, body: object = None, *, key: str | None = None, status: int = 201) -> dict:  # type: ignore[type-arg]
        headers = self.headers | {"Idempotency-Key": key or uuid4().hex}
        answer = self.client.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def get(self, path: str, *, status: int = 200) -> dict:  # type: ignore[type-arg]
        answer = self.client.get(f"/api/v1{path}", headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.get_json()


@pytest.fixture
def call(client: FlaskClient, login: Login) -> Callable[[User], Caller]:
    return lambda user: Caller(client, login(client, user))


class Bought(NamedTuple):
    """What a test needs to know of an order, whatever becomes of the session."""

    id: UUID
    number: str
    line_id: str
    station_id: UUID


def order_of(buyer: User) -> Bought:
    """An order of this minute, since the door tells the time itself."""
    order = make.order(buyer=buyer, now=clock.now())
    assert order.station_id is not None
    bought = Bought(order.id, order.number, str(order.lines[0].id), order.station_id)
    session.commit()
    return bought


def test_a_buyer_pays_and_follows_the_payment(
    client: FlaskClient, call: Callable[[User], Caller], standin: StandIn
) -> None:
    buyer = make.user()
    order, me = order_of(buyer), call(buyer)
    made = me.post(f"/orders/{order.number}/payments", {"method": "wechat_pay"})
    assert (made["status"], made["pay_url"], made["amount_minor"]) == ("preparing", None, 2_990)
    run_jobs()
    ready = me.get(f"/orders/{order.number}/payments/{made['id']}")
    assert ready["status"] == "pending"
    assert ready["qr_text"].startswith("http")
    standin.press(ready["pay_url"])
    assert standin.deliver(client) == 1
    run_jobs()
    session.expire_all()
    assert me.get(f"/orders/{order.number}/payments/{made['id']}")["outcome"] == "paid"
    assert [one["id"] for one in me.get(f"/orders/{order.number}/payments")["items"]] == [made["id"]]


def test_the_same_key_starts_one_payment_and_another_body_is_refused(
    call: Callable[[User], Caller], standin: StandIn
) -> None:
    buyer = make.user()
    order, me = order_of(buyer), call(buyer)
    path, key = f"/orders/{order.number}/payments", uuid4().hex
    first = me.post(path, {"method": "alipay"}, key=key)
    assert me.post(path, {"method": "alipay"}, key=key) == first
    assert me.post(path, {"method": "card"}, key=key, status=422)["code"] == "idempotency_key_reused"


def test_nobody_pays_or_sees_the_order_of_another(call: Callable[[User], Caller], standin: StandIn) -> None:
    buyer = make.user()
    order, stranger = order_of(buyer), call(make.user())
    made = call(buyer).post(f"/orders/{order.number}/payments", {"method": "card"})
    stranger.post(f"/orders/{order.number}/payments", {"method": "card"}, status=404)
    stranger.get(f"/orders/{order.number}/payments/{made['id']}", status=404)
    stranger.get(f"/orders/{order.number}/payments", status=404)


@pytest.mark.parametrize(
    "body", [{}, {"method": "cash"}, {"method": "bitcoin"}, {"method": "card", "amount_minor": 1}, {"method": None}]
)
def test_a_wrong_wish_is_refused(call: Callable[[User], Caller], body: dict[str, object]) -> None:
    buyer = make.user()
    assert call(buyer).post(f"/orders/{order_of(buyer).number}/payments", body, status=422)["errors"]


def test_paying_needs_a_log_in_and_a_key(client: FlaskClient, login: Login) -> None:
    buyer = make.user()
    path = f"/api/v1/orders/{order_of(buyer).number}/payments"
    headers = login(client, buyer)
    assert client.post(path, json={"method": "card"}).status_code == 401
    assert client.post(path, json={"method": "card"}, headers=headers).status_code == 400


def keeper_of(order: Bought) -> User:
    return make.keeper(session.get_one(Station, order.station_id))


def test_the_keeper_takes_cash_and_prints_the_receipt_again(call: Callable[[User], Caller]) -> None:
    order = order_of(make.user())
    keeper = call(keeper_of(order))
    receipt = keeper.post(f"/orders/{order.number}/cash", {"given_minor": 5_000})
    assert (receipt["change_minor"], receipt["order_number"]) == (2_010, order.number)
    assert keeper.get(f"/orders/{order.number}/payments/{receipt['payment_id']}/receipt") == receipt
    session.expire_all()
    assert session.get_one(Order, order.id).status is OrderStatus.PAID


@pytest.mark.parametrize("given_minor", [0, -1, 29.9, "2990", True, 2_989, 10**12, None])
def test_odd_cash_is_refused(call: Callable[[User], Caller], given_minor: object) -> None:
    order = order_of(make.user())
    call(keeper_of(order)).post(f"/orders/{order.number}/cash", {"given_minor": given_minor}, status=422)


def test_cash_is_for_keepers_of_the_orders_own_station(call: Callable[[User], Caller]) -> None:
    buyer = make.user()
    order = order_of(buyer)
    call(buyer).post(f"/orders/{order.number}/cash", {"given_minor": 2_990}, status=403)
    call(make.keeper()).post(f"/orders/{order.number}/cash", {"given_minor": 2_990}, status=404)


def admin() -> User:
    return make.user(roles=[Role.ADMIN])


def test_a_refund_by_the_line_and_of_the_rest(call: Callable[[User], Caller], standin: StandIn) -> None:
    order = order_of(make.user())
    call(keeper_of(order)).post(f"/orders/{order.number}/cash", {"given_minor": 2_990})
    line_id, office, keeper = order.line_id, call(admin()), call(keeper_of(order))
    path, key = f"/orders/{order.number}/refunds", uuid4().hex
    part = {"reason": "quality", "note": "两个坏果", "lines": [{"line_id": line_id, "amount_minor": 990}]}
    made = office.post(path, part, key=key)
    assert (made["amount_minor"], made["status"], made["lines"]) == (
        990,
        "requested",
        [{"line_id": line_id, "amount_minor": 990}],
    )
    assert office.post(path, part, key=key) == made
    assert office.post(path, {"reason": "request"})["amount_minor"] == 2_000
    assert office.post(path, {"reason": "request"}, status=409)["code"] == "refund_above_paid"
    assert keeper.post(f"{path}/{made['id']}/hand-out", status=200)["status"] == "succeeded"
    assert keeper.post(f"{path}/{made['id']}/hand-out", status=409)["code"] == "not_waiting_for_hand_out"
    assert len(office.get(path)["items"]) == 2


@pytest.mark.parametrize("amount_minor", [0, -1, 1.5, "1", None])
def test_odd_refunds_are_refused(call: Callable[[User], Caller], amount_minor: object) -> None:
    order = order_of(make.user())
    line = {"line_id": order.line_id, "amount_minor": amount_minor}
    call(admin()).post(f"/orders/{order.number}/refunds", {"reason": "quality", "lines": [line]}, status=422)


def test_one_line_named_twice_is_refused(call: Callable[[User], Caller]) -> None:
    order = order_of(make.user())
    line = {"line_id": order.line_id, "amount_minor": 1}
    call(admin()).post(f"/orders/{order.number}/refunds", {"reason": "quality", "lines": [line, line]}, status=422)


def test_a_buyer_does_not_refund_himself(call: Callable[[User], Caller]) -> None:
    buyer = make.user()
    call(buyer).post(f"/orders/{order_of(buyer).number}/refunds", {"reason": "request"}, status=403)


def test_the_webhook_answers_400_to_what_is_not_signed(client: FlaskClient) -> None:
    answer = client.post("/api/v1/stripe/webhook", data=b"{}", headers={"Stripe-Signature": "t=1,v1=x"})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "webhook_unsigned")
