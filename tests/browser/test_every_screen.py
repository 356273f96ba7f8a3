"""Every screen: nothing runs off its side, axe finds nothing, large letters are large, the browser complains not."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page

from tests.house import ADDRESS, Caller, House

Visit = Callable[..., Page]
WIDTHS = (320, 360, 1280)
ELDER_ROOT_PX, ELDER_TEXT_PX, ELDER_TARGET_PX = 20, 18, 60
DATES = ("ready_on", "best_before")
MARKS = {"real_name": True, "inspected": True, "screened": True}

SCREENS = {
    "home": (None, "/"),
    "search": (None, "/search"),
    "search without a find": (None, "/search?q=火龙果"),
    "villages": (None, "/villages"),
    "product": (None, "/products/{product}"),
    "product, presale": (None, "/products/{oranges}"),
    "rooms": (None, "/live"),
    "room": (None, "/live/{room}"),
    "login": (None, "/login"),
    "sign-up": (None, "/sign-up"),
    "tracking, which": (None, "/tracking"),
    "tracking": (None, "/tracking/{parcel}"),
    "tracking with the tail": (None, "/tracking/{parcel}?tail=1234"),
    "no such page": (None, "/nowhere"),
    "checkout": ("02", "/checkout?offer={offer}"),
    "checkout, presale": ("02", "/checkout?pack={orange_pack}"),
    "pay": ("02", "/orders/{unpaid}/pay"),
    "pay, waiting": ("02", "/orders/{pending}/pay"),
    "paid": ("02", "/orders/{paid}/pay"),
    "order": ("02", "/orders/{paid}"),
    "order, presale": ("02", "/orders/{ahead}"),
    "orders": ("02", "/orders"),
    "orders, none yet": ("09", "/orders"),
    "me": ("02", "/me"),
    "farm": ("01", "/farm"),
    "new product": ("01", "/farm/products/new"),
    "new lot": ("01", "/farm/products/{product}/lots/new"),
    "station": ("03", "/station"),
    "to pack": ("03", "/station/pack"),
    "bench": ("03", "/station/pack/{parcel}"),
    "bench, presale": ("03", "/station/pack/{ahead_box}"),
    "bench, weighed": ("03", "/station/pack/{weighed}"),
    "to load": ("03", "/station/load"),
    "to hand over": ("03", "/station/hand-over"),
    "to hand over, no such tail": ("03", "/station/hand-over?q=0000"),
    "hand over, not here": ("03", "/station/hand-over/{parcel}"),
    "to hand over, some": ("18", "/station/hand-over"),
    "hand over": ("18", "/station/hand-over/{waiting}"),
    "branch that sends on": ("15", "/branch"),
    "cash": ("03", "/station/cash"),
    "restock": ("03", "/restock"),
    "restock orders": ("03", "/restock/orders"),
    "restock order": ("03", "/restock/orders/{wholesale}"),
    "host sessions": ("04", "/host"),
    "host console": ("04", "/host/{room}"),
    "host report": ("04", "/host/{room}/report"),
    "branch": ("05", "/branch"),
    "receive": ("05", "/dispatches/{bag}"),
    "van": ("06", "/van"),
    "run": ("06", "/van/{run}"),
    "supplier": ("07", "/supplier"),
    "province": ("08", "/province"),
}
"""Name → who looks (last digits of his phone) and where."""

MEASURE = """({text, target}) => {
  const shown = e => { const b = e.getBoundingClientRect(), s = getComputedStyle(e);
    return b.width > 1 && b.height > 1 && s.visibility !== 'hidden' && !e.closest('[hidden], .sr, .skip, svg'); };
  const named = e => `${e.tagName} .${e.className} “${(e.textContent || '').trim().slice(0, 20)}”`;
  const own = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  const all = [...document.body.querySelectorAll('*')].filter(shown);
  const small = all.filter(e => own(e) && parseFloat(getComputedStyle(e).fontSize) < text - 0.05);
  const buttons = all.filter(e => e.matches('button, .btn, .tool, .tabs a, .task, input.input, select, summary'));
  const low = buttons.filter(e => e.getBoundingClientRect().height < target - 0.5);
  const px = e => named(e) + ' ' + getComputedStyle(e).fontSize;
  return [...small.map(e => 'small ' + px(e)),
    ...low.map(e => 'low ' + named(e) + ' ' + e.getBoundingClientRect().height)];
}"""
WIDER = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > room + 0.5);
  return [`${document.documentElement.scrollWidth} > ${room}`,
    ...wide.slice(0, 6).map(e => e.tagName + '.' + e.className)];
}"""
STILL = "Object.defineProperty(Document.prototype, 'hidden', {get: () => true})"
"""A page that nobody looks at does not renew itself; so it stands still while it is measured."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house of its own: what lies unfinished here would stand in the way of the stories."""
    found = House()
    found.start()
    yield found
    found.close()


@pytest.fixture(scope="module")
def signed_in() -> dict[str | None, Any]:
    """Nobody has signed in to this house yet."""
    return {}


@pytest.fixture(scope="module")
def places(house: House) -> dict[str, str]:
    """One thing of every kind to look at, at a point of its way where its screen has the most to show."""
    buyer, keeper, host = (house.caller(tail) for tail in ("02", "03", "04"))
    room = host.get("/live-sessions", status="on_air")["items"][0]["id"]
    offer = requests.get(f"{host.url}/live-sessions/{room}/now", timeout=10).json()["pinned"]["offer_id"]
    paid, pending, unpaid = (_place(buyer) for _ in range(3))
    _pay(buyer, paid)
    payment = buyer.post(f"/orders/{pending}/payments", {"method": "wechat_pay"})
    buyer.until(f"/orders/{pending}/payments/{payment['id']}", "status", "pending")
    keeper.until(f"/orders/{paid}", "status", "paid")
    boxes = [p["number"] for p in keeper.get("/parcels", limit=100)["items"] if (p["reference"] or "").endswith(paid)]
    assert len(boxes) == 3
    for box in boxes[:2]:
        _label(keeper, box)
    return _presale(house) | {
        "room": room, "offer": offer, "paid": paid, "pending": pending, "unpaid": unpaid,
        "product": buyer.get("/products", q="黄桃")["items"][0]["id"],
        "parcel": boxes[2], "weighed": boxes[0], "bag": _close(keeper, boxes[1]),
        "waiting": _waiting(house.caller("18")),
        "wholesale": _restock(house, keeper), "run": house.caller("06").get("/runs")["items"][0]["number"],
    }  # fmt: skip


def _presale(house: House) -> dict[str, str]:
    """A presale, paid for, and then its harvest is put off until it is too late."""
    buyer, keeper, farmer = (house.caller(tail) for tail in ("02", "03", "01"))
    product = buyer.get("/products", q="冰糖橙")["items"][0]["id"]
    pack = buyer.get(f"/products/{product}")["packs"][0]["pack"]
    number = _place(buyer, "冰糖橙")
    _pay(buyer, number)
    keeper.until(f"/orders/{number}", "status", "paid")
    lot = farmer.get("/lots", product_id=product)["items"][0]
    again = {"product_id": product} | {name: lot[name] for name in ("low_g", "likely_g", "high_g", *DATES)}
    too_late = (date.fromisoformat(pack["ships_by"]) + timedelta(days=2)).isoformat()
    farmer.http.patch(f"{farmer.url}/lots/{lot['id']}", json={"ready_on": too_late}, timeout=20).raise_for_status()
    farmer.post("/lots", again)
    box = buyer.get(f"/orders/{number}")["parcels"][0]["number"]
    return {"oranges": product, "orange_pack": pack["id"], "ahead": number, "ahead_box": box}


def _place(buyer: Caller, what: str = "黄桃") -> str:
    product = buyer.get("/products", q=what)["items"][0]["id"]
    pack = buyer.get(f"/products/{product}")["packs"][0]["pack"]["id"]
    lines = [{"pack_id": pack, "quantity": 3}]
    return str(buyer.post("/orders", {"lines": lines, "address": ADDRESS})["number"])


def _pay(buyer: Caller, number: str) -> None:
    payment = buyer.post(f"/orders/{number}/payments", {"method": "alipay"})
    path = f"/orders/{number}/payments/{payment['id']}"
    pay_url = buyer.until(path, "status", "pending")["pay_url"]
    requests.post(pay_url, data={"outcome": "pay"}, allow_redirects=False, timeout=10)
    buyer.until(path, "status", "succeeded")


def _label(keeper: Caller, box: str) -> None:
    keeper.post(f"/parcels/{box}/pack")
    keeper.post(f"/parcels/{box}/weigh", {"gross_g": 9000})
    keeper.post(f"/parcels/{box}/mark", MARKS)
    keeper.post(f"/parcels/{box}/label")
    keeper.post(f"/parcels/{box}/stage")


def _close(keeper: Caller, box: str) -> str:
    station_id = keeper.get("/stations")["items"][0]["id"]
    bag = str(keeper.post("/dispatches", {"station_id": station_id, "direction": "inward"})["number"])
    keeper.post(f"/dispatches/{bag}/items", {"numbers": [box]})
    keeper.post(f"/dispatches/{bag}/close")
    return bag


def _waiting(keeper: Caller) -> str:
    """A parcel that waits at the station of this keeper."""
    station_id = keeper.get("/stations")["items"][0]["id"]
    return str(keeper.get(f"/stations/{station_id}/to-hand-over")["items"][0]["number"])


def _restock(house: House, keeper: Caller) -> str:
    supplier, offers = house.caller("07"), keeper.get("/wholesale/offers")["items"]
    lines = [{"offer_id": offer["id"], "cases": 5} for offer in offers]
    number = str(keeper.post("/wholesale/orders", {"lines": lines})["number"])
    supplier.post(f"/wholesale/orders/{number}/confirm")
    supplier.post(f"/wholesale/orders/{number}/deliver")
    return number


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_stays_inside_its_width_reads_aloud_and_grows(
    screen: str, visit: Visit, house: House, places: dict[str, str]
):
    tail, path = SCREENS[screen]
    url = house.url + path.format(**places)
    page = visit(tail, "/readyz")
    page.add_init_script(STILL)
    said: list[str] = []
    page.on("console", lambda message: _hear(said, message))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    found = [f"{width}: {wide}" for width in WIDTHS if (wide := _wider(page, width))]
    found += [f"axe at {width}: {words}" for width in (320, 1280) for words in _axe(page, width)]
    page.context.add_cookies([{"name": "mode", "value": "elder", "url": house.url}])
    page.goto(url)
    found += [f"elder {width}: {wide}" for width in WIDTHS if (wide := _wider(page, width))]
    page.context.add_cookies([{"name": "lang", "value": "en", "url": house.url}])
    page.goto(url)
    found += [f"elder in English {width}: {wide}" for width in WIDTHS if (wide := _wider(page, width))]
    root = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    found += [] if root == ELDER_ROOT_PX else [f"elder root {root} px"]
    page.set_viewport_size({"width": 360, "height": 760})
    found += page.evaluate(MEASURE, {"text": ELDER_TEXT_PX, "target": ELDER_TARGET_PX})
    assert not found, "\n".join(found)
    assert not said, "\n".join(said)


def _hear(said: list[str], message: ConsoleMessage) -> None:
    """What the browser complains of; that a page which is not there answers 404 is no complaint."""
    refused = "status of 404" in message.text and message.location.get("url", "").endswith("/nowhere")
    if message.type in ("error", "warning") and not refused:
        said.append(message.text)


def _wider(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 760})
    return list(page.evaluate(WIDER))


def _axe(page: Page, width: int) -> Iterator[str]:
    page.set_viewport_size({"width": width, "height": 760})
    for violation in Axe().run(page).response["violations"]:
        for node in violation["nodes"]:
            why = [check["message"] for check in node["any"] + node["all"] + node["none"]]
            yield f"{violation['id']} {node['target']} {'; '.join(why[:2])}"
