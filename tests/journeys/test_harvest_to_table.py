"""One order from the farm to the door, every step over the public API by the person whose step it is."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from tests.house import ADDRESS, Caller, House

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()


def test_one_order_goes_from_the_farm_to_the_door_and_every_fen_is_shared(house: House):
    farmer, host, buyer, keeper = (house.caller(tail) for tail in ("01", "04", "02", "03"))
    head, driver = house.caller("05"), house.caller("06")

    pack = _farmer_lists_peaches(farmer)
    offer = _host_sells_them_live(host, pack)
    order = _buyer_orders_and_pays(buyer, offer)
    parcels = _station_packs_weighs_labels_stages(keeper, order)
    dispatch = _station_closes_the_dispatch(keeper, parcels)
    _van_takes_them(driver, parcels)
    _branch_receives_all_but_nothing_more(head, dispatch, parcels)
    _postman_delivers(head, parcels)

    done = buyer.until(f"/orders/{order['number']}", "status", "completed")
    assert done["total_minor"] == 2 * 2690
    _the_farm_is_owed_its_share(farmer, done)
    verified = house.manage("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_village_shop_restocks_by_the_same_van(house: House):
    keeper, supplier, head, driver = (house.caller(tail) for tail in ("03", "07", "05", "06"))
    water = next(o for o in keeper.get("/wholesale/offers")["items"] if o["barcode"] == "6901234567892")
    order = keeper.post("/wholesale/orders", {"lines": [{"offer_id": water["id"], "cases": 5}]})
    number = order["number"]
    assert order["total_minor"] == 5 * 2800
    supplier.post(f"/wholesale/orders/{number}/confirm")
    supplier.post(f"/wholesale/orders/{number}/deliver")
    station_id = keeper.get("/stations")["items"][0]["id"]
    cartons = [p for p in head.get("/parcels", limit=100)["items"] if p["kind"] == "goods"]
    numbers = [carton["number"] for carton in cartons if carton["reference"].endswith(number)]
    assert numbers
    marks = {"real_name": True, "inspected": True, "screened": True}
    head.post("/cartons/stage", {"numbers": numbers, **marks})
    bag = head.post("/dispatches", {"station_id": station_id, "direction": "outward"})
    head.post(f"/dispatches/{bag['number']}/items", {"numbers": numbers})
    head.post(f"/dispatches/{bag['number']}/close")
    run = _todays_run(head, driver)
    driver.post(f"/runs/{run}/load", {"numbers": numbers})
    driver.post(f"/runs/{run}/depart", {"reason": ""})
    keeper.post(f"/dispatches/{bag['number']}/receive", {"numbers": numbers})
    counted = {"lines": [{"barcode": water["barcode"], "received_units": 118, "damaged_units": 1}]}
    received = keeper.post(f"/wholesale/orders/{number}/receive", counted)
    line = received["lines"][0]
    assert (line["received_units"], line["damaged_units"], line["short_units"]) == (118, 1, 1)
    assert house.manage("verify").returncode == 0


def test_a_presale_goes_from_the_offer_to_the_label_in_its_days(house: House):
    farmer, host, buyer, keeper = (house.caller(tail) for tail in ("01", "04", "02", "03"))
    pack = _farmer_lists_oranges_that_hang_on_the_tree(farmer)
    room = next(s for s in host.get("/live-sessions", status="on_air")["items"])
    terms = {"pack_id": pack, "price_minor": 2690, "pool": 10}
    refused = host.send(f"/live-sessions/{room['id']}/offers", terms | _days(3, 2))
    assert (refused.status_code, refused.json()["code"]) == (422, "ship_window_backwards")
    now, later = (host.post(f"/live-sessions/{room['id']}/offers", terms | days) for days in (_days(0, 3), _days(2, 4)))
    shown = {one["offer_id"]: one for one in host.get(f"/live-sessions/{room['id']}/offers")["items"]}
    assert [shown[one["id"]]["left"] for one in (now, later)] == [10, 10]
    ready = buyer.send("/orders", {"lines": [{"pack_id": pack, "quantity": 1}], "address": ADDRESS})
    assert (ready.status_code, ready.json()["code"]) == (409, "lot_not_ready")

    station_id = keeper.get("/stations")["items"][0]["id"]
    before = keeper.get("/parcels/board", station_id=station_id)["registered"]
    waits = _buyer_orders_and_pays(buyer, later)
    keeper.until(f"/orders/{waits['number']}", "status", "paid")
    assert keeper.get("/parcels/board", station_id=station_id)["registered"] == before
    order = _buyer_orders_and_pays(buyer, now)
    keeper.until(f"/orders/{order['number']}", "status", "paid")
    assert keeper.get("/parcels/board", station_id=station_id)["registered"] == before + 2
    for number in _station_packs_weighs_labels_stages(keeper, order):
        assert keeper.get(f"/parcels/{number}")["pack_from"] == TODAY.isoformat()
        assert requests.get(f"{keeper.url}/tracking/{number}", timeout=10).json()["events"] == []
        known = requests.get(f"{keeper.url}/tracking/{number}", params={"tail": "1234"}, timeout=10).json()
        assert known["events"], known
    kept = buyer.get(f"/orders/{order['number']}")
    assert {name: kept[name] for name in ("ships_from", "ships_by")} == _days(0, 3)
    assert house.manage("verify").returncode == 0


def _days(first: int, last: int) -> dict[str, str]:
    """A ship window, in days from today."""
    days = {"ships_from": first, "ships_by": last}
    return {name: (TODAY + timedelta(days=count)).isoformat() for name, count in days.items()}


def _farmer_lists_oranges_that_hang_on_the_tree(farmer: Caller) -> str:
    farm = farmer.get("/farms")["items"][0]
    product = farmer.post("/products", {"farm_id": farm["id"], "name": "冰糖橙", "kind": "fresh", "status": "listed"})
    terms = {"name": "5斤装(净重)", "net_g": 2500, "tare_g": 380, "price_minor": 2990}
    pack = farmer.post("/packs", {"product_id": product["id"]} | terms)
    dates = {"ready_on": _days(2, 9)["ships_from"], "best_before": _days(2, 9)["ships_by"]}
    farmer.post("/lots", {"product_id": product["id"], "low_g": 50_000, "likely_g": 60_000, "high_g": 70_000, **dates})
    return str(pack["id"])


def _farmer_lists_peaches(farmer: Caller) -> str:
    farm = farmer.get("/farms")["items"][0]
    product = farmer.post("/products", {"farm_id": farm["id"], "name": "脆蜜桃", "kind": "fresh", "status": "listed"})
    pack = farmer.post(
        "/packs",
        {"product_id": product["id"], "name": "5斤装(净重)", "net_g": 2500, "tare_g": 380, "price_minor": 2990},
    )
    dates = {"ready_on": TODAY.isoformat(), "best_before": (TODAY + timedelta(days=9)).isoformat()}
    farmer.post("/lots", {"product_id": product["id"], "low_g": 50_000, "likely_g": 60_000, "high_g": 70_000, **dates})
    found = farmer.get("/products", q="蜜桃")["items"]
    assert [item["name"] for item in found] == ["脆蜜桃"]
    return str(pack["id"])


def _host_sells_them_live(host: Caller, pack_id: str) -> dict[str, Any]:
    room = next(s for s in host.get("/live-sessions", status="on_air")["items"])
    offer = host.post(
        f"/live-sessions/{room['id']}/offers",
        {"pack_id": pack_id, "price_minor": 2690, "pool": 10, "per_buyer_limit": 3},
    )
    host.post(f"/live-sessions/{room['id']}/pin", {"offer_id": offer["id"]})
    now = requests.get(f"{host.url}/live-sessions/{room['id']}/now", timeout=10).json()
    assert now["pinned"]["left"] == 10
    return dict(offer)


def _buyer_orders_and_pays(buyer: Caller, offer: dict[str, Any]) -> dict[str, Any]:
    placed = buyer.post("/orders", {"lines": [{"offer_id": offer["id"], "quantity": 2}], "address": ADDRESS})
    assert placed["status"] == "awaiting_payment"
    assert datetime.fromisoformat(placed["pay_by"]) > datetime.now(UTC)
    payment = buyer.post(f"/orders/{placed['number']}/payments", {"method": "alipay"})
    path = f"/orders/{placed['number']}/payments/{payment['id']}"
    pay_url = buyer.until(path, "status", "pending")["pay_url"]
    assert requests.post(pay_url, data={"outcome": "pay"}, allow_redirects=False, timeout=10).status_code == 303
    buyer.until(path, "status", "succeeded")
    return dict(placed)


def _station_packs_weighs_labels_stages(keeper: Caller, order: dict[str, Any]) -> list[str]:
    keeper.until(f"/orders/{order['number']}", "status", "paid")
    boxes = [p for p in keeper.get("/parcels", limit=100)["items"] if (p["reference"] or "").endswith(order["number"])]
    assert len(boxes) == 2
    for box in boxes:
        number = box["number"]
        assert box["recipient"]["name"] == "王**"
        keeper.post(f"/parcels/{number}/pack")
        light = keeper.send(f"/parcels/{number}/weigh", {"gross_g": 2842})
        assert (light.status_code, light.json()["code"]) == (422, "weight_below_promise")
        assert light.json()["facts"]["missing_g"] == 38
        keeper.post(f"/parcels/{number}/weigh", {"gross_g": 2905})
        keeper.post(f"/parcels/{number}/mark", {"real_name": True, "inspected": True, "screened": True})
        keeper.post(f"/parcels/{number}/label")
        label = keeper.http.get(f"{keeper.url}/parcels/{number}/label", timeout=20)
        assert label.content.startswith(b"%PDF")
        keeper.post(f"/parcels/{number}/stage")
    return [box["number"] for box in boxes]


def _station_closes_the_dispatch(keeper: Caller, parcels: list[str]) -> str:
    station_id = keeper.get("/stations")["items"][0]["id"]
    bag = keeper.post("/dispatches", {"station_id": station_id, "direction": "inward"})
    keeper.post(f"/dispatches/{bag['number']}/items", {"numbers": parcels})
    keeper.post(f"/dispatches/{bag['number']}/close")
    return str(bag["number"])


def _todays_run(head: Caller, driver: Caller) -> str:
    runs = driver.get("/runs")["items"]
    open_runs = [run for run in runs if run["status"] in ("planned", "loading", "departed")]
    return str(open_runs[0]["number"])


def _van_takes_them(driver: Caller, parcels: list[str]) -> None:
    run = _todays_run(driver, driver)
    loaded = driver.post(f"/runs/{run}/load", {"numbers": parcels})
    assert sorted(loaded["loaded"]) == sorted(parcels)
    driver.post(f"/runs/{run}/depart", {"reason": ""})


def _branch_receives_all_but_nothing_more(head: Caller, dispatch: str, parcels: list[str]) -> None:
    counted = head.post(f"/dispatches/{dispatch}/receive", {"numbers": parcels})
    assert counted["matched"] == len(parcels)
    assert (counted["short"], counted["over"], counted["missent"]) == ([], [], [])


def _postman_delivers(head: Caller, parcels: list[str]) -> None:
    for number in parcels:
        head.post(f"/parcels/{number}/out-for-delivery")
        head.post(f"/parcels/{number}/deliver", {"proof": "signed"})
        public = requests.get(f"{head.url}/tracking/{number}", timeout=10)
        assert public.json()["status"] == "delivered"
        assert "王" not in public.text
        assert "麓山南路" not in public.text


def _the_farm_is_owed_its_share(farmer: Caller, order: dict[str, Any]) -> None:
    farm = farmer.get("/farms")["items"][0]
    owed = -farmer.get(f"/ledger/accounts/farm:{farm['id']}")["balance_minor"]
    assert 0 < owed < order["total_minor"]
