"""The books over HTTP: everybody reads what is his, and nobody anything else."""

import pytest

from core.db import session
from core.permissions import Role
from orders import completion, ledger, moves
from orders.orders import OrderLine, OrderStatus
from tests import make
from tests.make.shop import MORNING


@pytest.fixture
def done():
    """A completed order of a farm with a farmer, at a station with a keeper."""
    farmer, station = make.user(roles=[Role.FARMER]), make.station()
    keeper = make.keeper(station)
    pack = make.pack_with_lot(product=make.product(farm=make.farm(station=station, member_id=farmer.id)))
    order = make.paid_order((pack, 1))
    money = [("stripe:clearing", order.total_minor), (completion.buyer_account(order), -order.total_minor)]
    ledger.post("payment", order.number, "test", money, now=MORNING)
    for status in (OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        moves.move([order.id], status, now=MORNING)
    completion.complete(order, now=MORNING)
    farm_id = session.query(OrderLine).filter_by(order_id=order.id).one().farm_id
    session.commit()
    return farmer, keeper, f"farm:{farm_id}", f"station:{station.id}", order.number


def test_a_farmer_reads_what_the_farm_is_owed_and_why(client, login, done):
    farmer, _keeper, farm, _station, number = done
    headers = login(client, farmer)
    owed = client.get("/api/v1/settlements", headers=headers).json["items"]
    assert [(one["account"], one["owed_minor"], one["party"]) for one in owed] == [(farm, 2_130, "farm")]
    entries = client.get(f"/api/v1/ledger/accounts/{farm}/entries", headers=headers).json["items"]
    assert [(one["amount_minor"], one["words"], one["reference"]) for one in entries] == [
        (-2_130, "订单完成分账", number)
    ]
    assert client.get(f"/api/v1/ledger/accounts/{farm}", headers=headers).json["balance_minor"] == -2_130


def test_a_keeper_reads_the_station_and_its_farms(client, login, done):
    _farmer, keeper, farm, station, _number = done
    owed = client.get("/api/v1/settlements", headers=login(client, keeper)).json["items"]
    assert {one["account"] for one in owed} == {farm, station}


def test_another_farmer_reads_nothing_of_it(client, login, done):
    other = login(client, make.user(roles=[Role.FARMER]))
    assert client.get("/api/v1/settlements", headers=other).json["items"] == []
    answer = client.get(f"/api/v1/ledger/accounts/{done[2]}", headers=other)
    assert (answer.status_code, answer.json["code"]) == (404, "account_unknown")


def test_a_buyer_has_no_business_with_the_books(client, login):
    headers = login(client, make.user())
    for path in ("/api/v1/settlements", "/api/v1/ledger/trial-balance", "/api/v1/ledger/accounts/platform"):
        assert client.get(path, headers=headers).status_code == 403


def test_the_trial_balance_is_zero(client, login, done):
    headers = login(client, make.user(roles=[Role.PROVINCE]))
    found = client.get("/api/v1/ledger/trial-balance", headers=headers).json
    assert found["sum_minor"] == 0
    assert {"account": "stripe", "balance_minor": 2_990} in found["lines"]


def test_settlements_go_on_behind_the_last_account(client, login, done):
    headers = login(client, make.user(roles=[Role.PROVINCE]))
    first = client.get("/api/v1/settlements?limit=2", headers=headers).json
    rest = client.get(f"/api/v1/settlements?limit=2&after={first['next']}", headers=headers).json
    assert len(first["items"]) == 2
    assert len(rest["items"]) == 1
    assert rest["next"] is None
