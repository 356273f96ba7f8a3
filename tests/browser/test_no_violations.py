"""The policy of the pages holds in a real browser: nothing of ours breaks it, and what would break it is refused."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect

from tests.house import ADDRESS, House

Visit = Callable[..., Page]
COLLECT = """
  window.broken = [];
  document.addEventListener("securitypolicyviolation", e => broken.push(
    `${e.violatedDirective} ${e.blockedURI} ${e.sample} ${e.sourceFile}:${e.lineNumber}`));
"""
EXPECTED = re.compile(r"status of 40[14]|Status Error Code 401")
"""What a page that is not there and a session that ended say for themselves."""
PAGES = {
    None: ["/", "/search", "/search?q=黄桃", "/villages", "/live", "/login", "/sign-up", "/api/docs", "/nowhere"],
    "01": ["/farm", "/farm/products/new"],
    "02": ["/orders", "/me"],
    "03": [
        "/station",
        "/station/pack",
        "/station/load",
        "/station/hand-over",
        "/station/cash",
        "/restock",
        "/restock/orders",
    ],
    "04": ["/host"],
    "05": ["/branch"],
    "06": ["/van"],
    "07": ["/supplier"],
    "08": ["/province"],
}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house of its own: what is sold here would stand in the way of the stories."""
    found = House()
    found.start()
    yield found
    found.close()


@pytest.fixture(scope="module")
def signed_in() -> dict[str | None, Any]:
    """Nobody has signed in to this house yet."""
    return {}


@pytest.fixture
def watched(visit: Visit, house: House) -> Iterator[Callable[..., Page]]:
    """Open a page as a person and note what its policy refuses; nothing may be noted in the end."""
    opened: list[Page] = []

    def go(tail: str | None, path: str, *, desk: bool = False) -> Page:
        page = visit(tail, "/readyz", desk=desk)
        page.add_init_script(COLLECT)
        page.on("console", lambda said: said.type == "error" and noted.append(said.text))
        page.on("pageerror", lambda error: noted.append(str(error)))
        page.goto(house.url + path)
        opened.append(page)
        return page

    noted: list[str] = []
    yield go
    broken = [f"{page.url}: {one}" for page in opened for one in page.evaluate("broken")]
    assert not broken + [words for words in noted if not EXPECTED.search(words)]


@pytest.mark.parametrize("tail", PAGES, ids=lambda tail: tail or "anybody")
def test_no_page_breaks_its_own_policy(tail: str | None, watched: Visit, house: House):
    page = watched(tail, PAGES[tail][0], desk=tail in ("05", "08"))
    for path in PAGES[tail]:
        page.goto(house.url + path)
        assert page.evaluate("broken") == [], path


def test_a_live_room_follows_and_a_console_works_within_the_policy(watched: Visit, house: House):
    room = house.caller("04").get("/live-sessions", status="on_air")["items"][0]["id"]
    viewer = watched(None, f"/live/{room}")
    expect(viewer.locator("[data-viewers] b")).not_to_have_text("")
    console = watched("04", f"/host/{room}")
    console.fill("#y3", "26.80")
    console.click("li form button:has-text('改价')")
    expect(console.locator("li.card--peach")).to_contain_text("¥26.80")
    expect(viewer.locator("[data-price]")).to_have_text("¥26.80")


def test_charts_are_drawn_to_be_touched_and_have_a_name(watched: Visit):
    for tail, path, count in (("08", "/province", 2), ("08", "/branch", 2), ("05", "/branch", 1)):
        page = watched(tail, path, desk=True)
        expect(page.locator("[data-chart] canvas")).to_have_count(count)
        for chart in page.locator("[data-chart]").all():
            assert (chart.get_attribute("aria-label") or "").startswith("图：")
        expect(page.locator("figure.chart > svg").first).to_be_hidden()
        box = page.locator("[data-chart=columns]").first.bounding_box()
        assert box is not None
        assert box["width"] > 300
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)


def test_without_scripts_the_drawing_and_the_figures_are_there(visit: Visit):
    page = visit("08", "/province", desk=True, scripts=False)
    expect(page.locator("figure.chart > svg").first).to_be_visible()
    page.locator("summary:has-text('看数字')").first.click()
    expect(page.locator("figure.chart table").first).to_be_visible()


def test_a_work_list_renews_itself_but_not_under_a_hand(watched: Visit, house: House):
    page = watched("03", "/station/pack")
    page.clock.install()
    page.reload()
    before = page.locator("#renewed .task").count()
    page.locator("h1").evaluate("h1 => h1.dataset.same = 'yes'")
    _sell_a_box(house)
    page.clock.fast_forward(16_000)
    expect(page.locator("#renewed .task")).to_have_count(before + 1)
    expect(page.locator("#top-sub")).to_contain_text(str(before + 1))
    expect(page.locator("h1")).to_have_attribute("data-same", "yes")
    page.keyboard.press("Tab")
    page.locator("#renewed .task").last.focus()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(16_000)
    page.wait_for_timeout(300)
    assert asked == []


def test_a_part_that_renews_itself_after_the_session_ended_opens_the_log_in(watched: Visit, house: House):
    page = watched("03", "/station/pack")
    page.clock.install()
    page.reload()
    page.context.clear_cookies()
    page.clock.fast_forward(16_000)
    page.wait_for_url("**/login?**")


def test_search_follows_what_is_typed(watched: Visit):
    page = watched(None, "/search")
    page.locator("h1").wait_for()
    page.fill("#q", "黄桃")
    expect(page.locator("#found h1")).to_contain_text("黄桃")
    expect(page.locator("[data-tells]")).to_contain_text("黄桃")
    page.wait_for_url("**/search?q=%E9%BB%84%E6%A1%83")
    page.reload()
    expect(page.locator("#found h1")).to_contain_text("黄桃")


def test_text_does_not_become_markup_and_words_do_not_become_code(visit: Visit):
    page = visit(None, "/")
    for attack in (
        "document.body.innerHTML = '<img src=x>'",
        "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
        "document.createElement('script').src = '/static/page.js'",
    ):
        with pytest.raises(Error, match="requires 'Trusted"):
            page.evaluate(f"() => {{ {attack} }}")


def _sell_a_box(house: House) -> None:
    """One order of one box, paid in cash at the counter."""
    buyer, keeper = house.caller("02"), house.caller("03")
    product = buyer.get("/products", q="黄桃")["items"][0]["id"]
    pack = buyer.get(f"/products/{product}")["packs"][0]["pack"]["id"]
    order = buyer.post("/orders", {"lines": [{"pack_id": pack, "quantity": 1}], "address": ADDRESS})
    keeper.post(f"/orders/{order['number']}/cash", {"given_minor": order["total_minor"]})
    keeper.until(f"/orders/{order['number']}", "status", "paid")
