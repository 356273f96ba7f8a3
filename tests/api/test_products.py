"""Products and packs over HTTP: the storefront for everybody, changes for those who look after the farm."""

import pytest

from core.db import session
from core.permissions import Role
from core.testing import frozen
from core.users import User
from shop import products
from tests import make
from tests.make.shop import MORNING

PRODUCTS, PACKS = "/api/v1/products", "/api/v1/packs"


@pytest.fixture
def farmer() -> User:
    """A person with the role of a farmer."""
    return make.user(roles=[Role.FARMER])


@pytest.fixture
def headers(client, login, farmer) -> dict[str, str]:
    """The farmer, signed in."""
    return login(client, farmer)


@pytest.fixture
def farm(farmer):
    """The farmer's farm."""
    return make.farm(member_id=farmer.id)


def test_a_farmer_lists_a_product_with_a_pack_and_a_lot_and_a_buyer_finds_it(client, headers, farm) -> None:
    with frozen(MORNING):
        sent = {"farm_id": str(farm.id), "name": "溆浦黄桃", "kind": "fresh", "variety": "锦绣", "status": "listed"}
        product = client.post(PRODUCTS, json=sent, headers=headers)
        assert product.status_code == 201, product.json
        assert product.json["status"] == "listed"
        sent = {"product_id": product.json["id"], "name": "5斤装(净重)", "net_g": 2500, "price_minor": 2990}
        pack = client.post(PACKS, json=sent, headers=headers)
        assert pack.status_code == 201, pack.json
        assert (pack.json["currency"], pack.json["status"]) == ("CNY", "listed")
        sent = {"product_id": product.json["id"], "low_g": 6000, "likely_g": 7000, "high_g": 8000}
        dates = {"ready_on": "2026-08-13", "best_before": "2026-08-18"}
        lot = client.post("/api/v1/lots", json=sent | dates, headers=headers)
        assert lot.status_code == 201, lot.json
        (card,) = client.get(f"{PRODUCTS}?q=黄桃&on_sale=true").json["items"]
        assert (card["price_from_minor"], card["left_g"], card["id"]) == (2990, 6000, product.json["id"])
        detail = client.get(f"{PRODUCTS}/{product.json['id']}").json
        assert [(offer["pack"]["id"], offer["left"]) for offer in detail["packs"]] == [(pack.json["id"], 2)]
        assert (detail["name"], detail["left_g"], detail["farm_name"]) == ("溆浦黄桃", 6000, "向大山家")
        assert [harvest["code"] for harvest in detail["lots"]] == [lot.json["code"]]
        assert client.get("/api/v1/villages").json[0]["products"] == 1


def test_a_draft_is_seen_by_its_farm_only(client, login, headers, farm) -> None:
    draft = make.product(farm=farm, listed=False)
    pack = make.pack(product=draft)
    stranger = login(client, make.user(roles=[Role.FARMER]))
    for url in (f"{PRODUCTS}/{draft.id}", f"{PACKS}/{pack.id}"):
        assert client.get(url, headers=headers).status_code == 200
        assert client.get(url, headers=stranger).status_code == 404
        assert client.get(url).status_code == 404
    assert client.get(PRODUCTS, headers=stranger).json["items"] == []
    assert len(client.get(PRODUCTS, headers=headers).json["items"]) == 1


def test_a_foreign_product_and_pack_cannot_be_changed(client, headers) -> None:
    pack = make.pack()
    session.commit()
    pack_id, product_id, farm_id = str(pack.id), str(pack.product_id), str(pack.product.farm_id)
    assert client.patch(f"{PRODUCTS}/{product_id}", json={"name": "我的"}, headers=headers).status_code == 404
    assert client.patch(f"{PACKS}/{pack_id}", json={"price_minor": 1}, headers=headers).status_code == 404
    sent = {"product_id": product_id, "name": "一盒", "net_g": 1, "price_minor": 1}
    assert client.post(PACKS, json=sent, headers=headers).json["code"] == "product_unknown"
    sent = {"farm_id": farm_id, "name": "黄桃"}
    assert client.post(PRODUCTS, json=sent, headers=headers).json["code"] == "farm_unknown"
    assert client.get(f"{PACKS}/{pack_id}").json["price_minor"] == 2_990


def test_a_product_goes_through_its_legal_moves(client, headers, farm) -> None:
    url = f"{PRODUCTS}/{make.product(farm=farm, listed=False).id}"
    for status, answer in (("listed", 200), ("stopped", 200), ("draft", 409), ("listed", 200), ("listed", 200)):
        got = client.patch(url, json={"status": status}, headers=headers)
        assert got.status_code == answer, (status, got.json)
    assert client.patch(url, json={"status": "draft"}, headers=headers).json["code"] == "illegal_move"


def test_a_stopped_product_leaves_the_shop_with_its_packs(client) -> None:
    pack = make.pack()
    products.stop(pack.product, by=None, now=MORNING)
    assert client.get(f"{PRODUCTS}/{pack.product_id}").json["code"] == "product_unknown"
    assert client.get(f"{PACKS}/{pack.id}").json["code"] == "pack_unknown"
    assert client.get(PACKS).json["items"] == []


def test_a_pack_changes_its_price_and_keeps_its_weight(client, headers, farm) -> None:
    pack = make.pack(product=make.product(farm=farm))
    url = f"{PACKS}/{pack.id}"
    changed = client.patch(url, json={"price_minor": 1990, "per_buyer_limit": 2}, headers=headers)
    assert (changed.status_code, changed.json["price_minor"], changed.json["per_buyer_limit"]) == (200, 1990, 2)
    assert client.patch(url, json={"net_g": 1}, headers=headers).status_code == 422
    stopped = client.patch(url, json={"status": "stopped"}, headers=headers)
    assert stopped.json["status"] == "stopped"
    assert client.get(url).status_code == 404
    assert client.get(url, headers=headers).status_code == 200
    assert client.get(f"{PACKS}?product_id={pack.product_id}").json["items"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"net_g": 0},
        {"net_g": -1},
        {"net_g": 2.5},
        {"net_g": "2500"},
        {"net_g": True},
        {"net_g": 50_001},
        {"net_g": 10**19},
        {"price_minor": 0},
        {"price_minor": -2990},
        {"price_minor": 29.9},
        {"per_buyer_limit": 0},
        {"currency": "USD"},
        {"status": "listed"},
        {"id": "01900000-0000-7000-8000-000000000000"},
        {"name": ""},
        {"name": "长" * 41},
    ],
)
def test_a_pack_of_the_wrong_shape_is_refused(client, headers, farm, wrong: dict) -> None:
    product = make.product(farm=farm)
    sent = {"product_id": str(product.id), "name": "5斤装", "net_g": 2500, "price_minor": 2990} | wrong
    answer = client.post(PACKS, json=sent, headers=headers)
    assert answer.status_code in {400, 422}, answer.json
    assert answer.content_type == "application/problem+json"
    assert client.get(PACKS).json["items"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("q=" + "桃" * 65, 422),
        ("limit=0", 422),
        ("limit=101", 422),
        ("after=x", 422),
        ("village=湖南", 422),
        ("q=%00", 400),
    ],
)
def test_a_search_is_bounded(client, query: str, status: int) -> None:
    assert client.get(f"{PRODUCTS}?{query}").status_code == status


def test_an_unknown_origin_is_refused_and_nothing_is_written(client, headers, farm) -> None:
    sent = {"farm_id": str(farm.id), "name": "黄桃", "origin_region_code": "000000"}
    answer = client.post(PRODUCTS, json=sent, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (422, "region_unknown")
    assert client.get(PRODUCTS, headers=headers).json["items"] == []


def test_refusals_speak_the_readers_language(client) -> None:
    url = f"{PRODUCTS}/01900000-0000-7000-8000-000000000000"
    assert client.get(url, headers={"Accept-Language": "en"}).json["detail"] == "This product was not found."
    assert client.get(url, headers={"Accept-Language": "zh"}).json["detail"] == "没有找到这个商品。"


@pytest.mark.parametrize("url", [PRODUCTS, PACKS])
def test_only_those_with_the_right_may_add(client, login, url: str) -> None:
    assert client.post(url, json={}).status_code == 401
    assert client.post(url, json={}, headers=login(client, make.user())).status_code == 403
