"""Presales over HTTP: written with their days, read with them, and described like everything else."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from core.clock import local_day
from core.db import session
from core.permissions import Role
from core.testing import frozen
from shop.products import Product
from tests import make
from tests.make.shop import MORNING

URL = "/api/v1"
DAY = timedelta(days=1)
TODAY = local_day(MORNING)
WINDOW = {"ships_from": "2026-08-20", "ships_by": "2026-08-25"}
ADDRESS = {"name": "王小明", "phone": "13800001234", "region_code": "430104", "detail": "麓山南路2号"}


@pytest.fixture(autouse=True)
def _morning():
    with frozen(MORNING):
        yield


@pytest.fixture
def product():
    farmer = make.user(roles=[Role.FARMER])
    product = make.product(farm=make.farm(member_id=farmer.id))
    make.lot(product=product, low_g=10_000, ready_on=TODAY + 9 * DAY, best_before=TODAY + 14 * DAY)
    session.commit()
    return SimpleNamespace(id=product.id, farmer=farmer)


def new_pack(client, headers, product, **given):
    sent = {"product_id": str(product.id), "name": "5斤装", "net_g": 2_500, "price_minor": 2_990} | given
    return client.post(f"{URL}/packs", json=sent, headers=headers)


def test_a_presale_from_the_pack_to_the_order(client, login, product):
    headers = login(client, product.farmer)
    pack = new_pack(client, headers, product, **WINDOW)
    assert (pack.status_code, pack.json["ships_from"], pack.json["ships_by"]) == (201, *WINDOW.values())
    read = client.get(f"{URL}/products/{product.id}").json
    assert (read["packs"][0]["left"], read["packs"][0]["pack"]["ships_by"]) == (4, "2026-08-25")
    wish = {"lines": [{"pack_id": pack.json["id"], "quantity": 1}], "address": ADDRESS}
    buyer = login(client, make.user()) | {"Idempotency-Key": "presale-of-one-box"}
    placed = client.post(f"{URL}/orders", json=wish, headers=buyer)
    assert placed.status_code == 201
    order = client.get(f"{URL}/orders/{placed.json['number']}", headers=buyer).json
    assert (order["ships_from"], order["ships_by"], order["misses_window"]) == (*WINDOW.values(), False)
    lot = client.get(f"{URL}/lots", headers=headers).json["items"][0]["id"]
    client.patch(f"{URL}/lots/{lot}", json={"ready_on": "2026-08-26"}, headers=headers)
    assert client.get(f"{URL}/orders/{placed.json['number']}", headers=buyer).json["misses_window"] is True
    assert client.get(f"{URL}/orders", headers=buyer).json["items"][0]["ships_by"] == "2026-08-25"


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({"ships_from": "2026-08-20"}, "ship_window_half"),
        ({"ships_from": "2026-08-20", "ships_by": "2026-08-19"}, "ship_window_backwards"),
        ({"ships_from": "2026-08-01", "ships_by": "2026-08-13"}, "ship_window_backwards"),
        ({"ships_from": "2027-08-20", "ships_by": "2027-08-25"}, "ship_window_too_far"),
    ],
)
def test_days_that_cannot_be_are_refused_in_both_languages(client, login, product, window, code):
    headers = login(client, product.farmer)
    refused = new_pack(client, headers, product, **window)
    assert (refused.status_code, refused.json["code"]) == (422, code)
    english = new_pack(client, headers | {"Accept-Language": "en"}, product, **window)
    assert english.json["detail"] != refused.json["detail"]
    assert english.json["detail"].isascii()


def test_a_day_is_a_day(client, login, product):
    headers = login(client, product.farmer)
    for nonsense in ("2026-02-30", "soon", 20260820, "2026-08-20T10:00:00+08:00"):
        assert new_pack(client, headers, product, ships_from=nonsense, ships_by="2026-08-25").status_code == 422


def test_a_pack_becomes_a_presale_and_ready_goods_again(client, login, product):
    headers = login(client, product.farmer)
    here = f"{URL}/packs/{new_pack(client, headers, product).json['id']}"
    assert client.patch(here, json=WINDOW, headers=headers).json["ships_by"] == "2026-08-25"
    half = client.patch(here, json={"ships_from": None}, headers=headers)
    assert half.json["code"] == "ship_window_half"
    ready = client.patch(here, json={"ships_from": None, "ships_by": None}, headers=headers)
    assert (ready.json["ships_from"], ready.json["ships_by"]) == (None, None)


def test_a_mixed_order_is_refused_with_its_reason(client, login, product):
    headers = login(client, product.farmer)
    ahead, ready = new_pack(client, headers, product, **WINDOW).json, new_pack(client, headers, product).json
    make.lot(product=session.get_one(Product, product.id))
    session.commit()
    wish = {"lines": [{"pack_id": one["id"], "quantity": 1} for one in (ahead, ready)], "address": ADDRESS}
    buyer = login(client, make.user()) | {"Idempotency-Key": "presale-and-ready"}
    refused = client.post(f"{URL}/orders", json=wish, headers=buyer)
    assert (refused.status_code, refused.json["code"]) == (422, "lines_ship_apart")


def test_an_offer_over_http_is_a_presale(client, login):
    host = make.host()
    room = make.live_session(host=host)
    pack = make.live_pack(room, low_g=2_500)
    make.lot(product=pack.product, low_g=20_000, ready_on=TODAY + 9 * DAY, best_before=TODAY + 14 * DAY)
    session.commit()
    new = {"pack_id": str(pack.id), "price_minor": 2_590, "pool": 9} | WINDOW
    made = client.post(f"{URL}/live-sessions/{room.id}/offers", json=new, headers=login(client, host))
    assert (made.status_code, made.json["ships_from"], made.json["ships_by"]) == (201, *WINDOW.values())
    shown = client.get(f"{URL}/live-sessions/{room.id}/offers").json["items"][0]
    assert (shown["ships_by"], shown["left"]) == ("2026-08-25", 8)


def test_the_description_names_the_days(client):
    schemas = client.get("/api/openapi.json").json["components"]["schemas"]
    for name in ("PackIn", "PackOut", "LiveOfferIn", "LiveOfferOut", "OrderOut", "OrderBrief"):
        day = schemas[name]["properties"]["ships_by"]
        assert day["description"], name
        assert day["format"] == "date", name
    assert schemas["ShownOffer"]["properties"]["ships_by"]["description"]
    assert schemas["ParcelOut"]["properties"]["pack_from"]["format"] == "date"
