"""The lane of plain orders: quicker than the view, and the same to whoever looks at it from outside."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app import create_app
from core import auth, callers, clock, db, lane
from core.db import session, transaction
from core.permissions import Permission
from orders import intake
from orders.api import orders
from orders.orders import Order
from tests import make

pytestmark = pytest.mark.usefixtures("race_db")
PATH = "/api/v1/orders"
ADDRESS = {"name": "王小明", "phone": "13800001234", "region_code": "430104001", "detail": "麓山南路2号"}


@pytest.fixture
def with_lane(race_db: str) -> Iterator[Flask]:
    """The application as a serving process has it, its intake open."""
    app = create_app()
    app.wsgi_app = lane.Lane(  # type: ignore[method-assign]
        app, path=PATH, endpoint="orders.place", permission=Permission.ORDER_PLACE, work=orders.place_plainly
    )
    intake.start(db.make_engine(race_db, pool_size=1))
    yield app
    intake._open.pop().close()


class Buyer:
    """A signed-in buyer whom this process remembers, so that the lane is open to him."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        with transaction():
            self.token = auth.open_login(make.user(), agent="test", now=clock.now())

    def asks(self, body: Any, *, key: str, **headers: str) -> Any:
        self.client.get("/api/v1/orders", headers={"Authorization": f"Bearer {self.token}"})
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        return self.client.post(PATH, data=raw, headers=sent | headers)


@pytest.fixture
def buyer(with_lane: Flask) -> Buyer:
    callers.forget_all()
    return Buyer(with_lane.test_client(use_cookies=False))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each order that came took the lane to its end."""
    found: list[bool] = []
    answer = lane.Lane._said

    def watched(self: lane.Lane, asked: lane.Asked, request_id: str) -> lane.Said | None:
        said = answer(self, asked, request_id)
        found.append(said is not None)
        return said

    monkeypatch.setattr(lane.Lane, "_said", watched)
    return found


def wish(pack_id: Any, quantity: Any = 1) -> dict[str, Any]:
    return {"lines": [{"pack_id": str(pack_id), "quantity": quantity}], "address": ADDRESS}


def some_pack(**given: int) -> Any:
    with transaction():
        return make.pack_with_lot(now=clock.now(), **given).id


BY_VIEW = {"Accept-Language": "zh", "Cookie": "seen=1"}
"""A request with a cookie takes the ordinary way."""


def test_a_plain_order_is_placed_and_looks_as_from_the_view(buyer, taken):
    pack = some_pack()
    quick, usual = buyer.asks(wish(pack), key="k" * 20), buyer.asks(wish(pack), key="l" * 20, **BY_VIEW)
    assert taken == [True]
    assert (quick.status_code, quick.mimetype) == (usual.status_code, usual.mimetype) == (201, "application/json")
    assert quick.json.keys() == usual.json.keys()
    assert {**quick.json, "id": 0, "number": 0, "pay_by": 0} == {**usual.json, "id": 0, "number": 0, "pay_by": 0}
    differ = {"X-Request-Id", "Content-Security-Policy", "Vary"}
    assert dict(quick.headers).keys() - differ == dict(usual.headers).keys() - differ
    assert "default-src 'none'" in quick.headers["Content-Security-Policy"]


def test_the_same_key_finds_the_order_whichever_way_it_came(buyer, taken):
    pack = some_pack()
    first = buyer.asks(wish(pack), key="k" * 20)
    by_view = buyer.asks(wish(pack), key="k" * 20, **BY_VIEW)
    by_lane = buyer.asks(wish(pack), key="k" * 20)
    assert first.json["number"] == by_view.json["number"] == by_lane.json["number"]
    assert "Idempotent-Replayed" not in first.headers
    assert by_view.headers["Idempotent-Replayed"] == by_lane.headers["Idempotent-Replayed"] == "true"
    assert taken == [True, True]
    assert buyer.asks(wish(pack, 2), key="k" * 20).status_code == 422
    with transaction():
        assert session.scalar(select(func.count()).select_from(Order)) == 1


@pytest.mark.parametrize(("quantity", "status", "code"), [(0, 422, "quantity_impossible"), (900, 409, "lot_sold_out")])
def test_a_refusal_reads_the_same_by_both_ways(buyer, taken, quantity, status, code):
    pack = some_pack(low_g=50_000)
    quick = buyer.asks(wish(pack, quantity), key="k" * 20)
    usual = buyer.asks(wish(pack, quantity), key="l" * 20, **BY_VIEW)
    assert (quick.status_code, quick.json["code"]) == (usual.status_code, usual.json["code"]) == (status, code)
    assert quick.mimetype == usual.mimetype == "application/problem+json"
    assert {**quick.json, "instance": 0} == {**usual.json, "instance": 0}
    assert quick.json["instance"] == quick.headers["X-Request-Id"]
    assert taken == [True]


def test_a_refusal_is_in_the_language_of_who_reads_it(buyer, taken):
    pack = some_pack()
    in_english = buyer.asks(wish(pack, 0), key="k" * 20, **{"Accept-Language": "en"})
    assert in_english.json["detail"].isascii()
    assert not buyer.asks(wish(pack, 0), key="l" * 20).json["detail"].isascii()
    assert taken == [True, True]


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "lang=en"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Idempotency-Key": "short"},
        {"Authorization": "Bearer nobody"},
        {"Authorization": "Basic bm9ib2R5"},
        {"Host": "elsewhere.example"},
    ],
    ids=str,
)
def test_what_is_not_plain_takes_the_ordinary_way(buyer, taken, headers):
    answer = buyer.asks(wish(some_pack()), key="k" * 20, **headers)
    assert taken == []
    assert answer.status_code in (201, 400, 401)


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"{}", b'{"lines": [], "lines": []}', b'{"lines": "x", "address": {}}', b"\xff", b'"\\ud800"'],
    ids=str,
)
def test_a_body_that_is_not_plain_is_read_again_by_its_schema_and_refused_by_it(buyer, taken, body):
    answer = buyer.asks(body, key="k" * 20)
    assert taken == [False]
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"


def test_an_order_that_meets_a_fault_in_the_lane_is_placed_by_the_ordinary_way(buyer, taken, monkeypatch):
    monkeypatch.setattr(orders, "_marks", lambda placed: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        orders._marks(None)
    pack = some_pack()
    assert buyer.asks(wish(pack), key="k" * 20).status_code == 500
    monkeypatch.undo()
    assert buyer.asks(wish(pack), key="k" * 20).status_code == 201
    with transaction():
        assert session.scalar(select(func.count()).select_from(Order)) == 1
