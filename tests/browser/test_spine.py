"""The spine as people tell it, one story a role, in a real browser on a phone; desks on a desk."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]
HTML = {"Accept": "text/html"}
ORDER = re.compile(r"/orders/(\d+)/pay")

pytestmark = pytest.mark.usefixtures("house")


def test_a_farmer_lists_produce_and_opens_a_lot(visit: Visit):
    page = visit("01", "/farm")
    page.click("text=上一样新的")
    page.fill("#name", "雪峰蜜桔")
    page.fill("#jin", "５")
    page.fill("#yuan", "25.9")
    page.click("text=上架，再报一批")
    page.fill("#low", "100")
    page.fill("#likely", "120")
    page.fill("#high", "90")
    page.click("text=开卖")
    expect(page.get_by_role("alert")).to_contain_text("从低到高")
    page.fill("#high", "150")
    page.click("text=开卖")
    expect(page.locator("main")).to_contain_text("雪峰蜜桔")
    lot = page.locator("main li.card:has(h3:text-is('雪峰蜜桔'))")
    lot.locator("input[name=jin]").fill("0")
    lot.locator("text=记下过秤").click()
    expect(lot.get_by_role("alert")).to_contain_text("不是能用的数字")
    expect(lot.locator("input[name=jin]")).to_have_value("0")
    expect(visit(None, "/search?q=蜜桔").locator("main")).to_contain_text("雪峰蜜桔")


def test_a_host_pins_an_offer_and_the_room_follows_without_a_reload(visit: Visit):
    console = visit("04", "/host")
    console.locator("main li a").first.click()
    console.wait_for_url(re.compile("/host/[0-9a-f-]{36}"))
    room = visit(None, "/live/" + console.url.rsplit("/", 1)[1])
    expect(room.locator("[data-price]")).to_have_text("¥26.90")
    console.fill("#y3", "25.50")
    console.click("li form button:has-text('改价')")
    expect(room.locator("[data-price]")).to_have_text("¥25.50")
    expect(room.locator("[data-viewers] b")).not_to_have_text("")


def test_who_has_ordered_before_orders_in_the_live_room_by_one_tap(visit: Visit):
    buyer = visit("02", "/")
    _order(buyer, method="wechat_pay")
    buyer.goto(urljoin(buyer.url, "/live"))
    buyer.locator("main a[href*='/live/']").first.click()
    tap = buyer.locator("[data-again] button")
    expect(tap).to_contain_text("一键下单 1 箱")
    expect(buyer.locator("[data-again]")).to_contain_text("王小明")
    tap.click()
    buyer.wait_for_url(ORDER)
    expect(buyer.locator("img.qr")).to_be_visible()


def test_a_buyer_orders_pays_and_the_keeper_packs_weighs_and_labels(visit: Visit):
    number = _buy(visit("02", "/"))
    bench = visit("03", "/station/pack")
    bench.locator("main .task").first.click()
    bench.fill("#gross_g", "1000")
    bench.click("text=称好了，打面单")
    expect(bench.get_by_role("alert")).to_contain_text("差")
    bench.fill("#gross_g", "9999")
    bench.click("text=称好了，打面单")
    expect(bench.locator(".gate--ok")).to_be_visible()
    label = bench.request.get(urljoin(bench.url, bench.locator("a:has-text('打面单')").get_attribute("href") or ""))
    assert label.body().startswith(b"%PDF")
    bench.goto(bench.url.split("/station")[0] + "/station/load")
    bench.click("text=封总包，等邮车")
    expect(bench.locator("main")).to_contain_text("已封，待装车")
    van = visit("06", "/van")
    van.locator("main li a").first.click()
    expect(van.locator("button:has-text('件全上车')")).to_be_visible()
    waiting = van.locator("form input[name=number]").evaluate_all("all => all.map(one => one.value)")
    assert waiting
    van.click("text=只上勾了的和扫了的")
    expect(van.get_by_role("alert")).to_contain_text("还没有选箱子")
    van.click("button:has-text('件全上车')")
    expect(van.locator("button:has-text('件全上车')")).to_have_count(0)
    van.click("button:has-text('发车')")
    expect(van.locator("button:has-text('到局了')")).to_be_visible()
    branch = visit("05", "/branch", desk=True)
    branch.locator("#in li a").first.click()
    branch.fill("#numbers", "\n".join(waiting))
    branch.click("text=扫完了，对数目")
    expect(branch.locator(".equation").first).to_contain_text("0 短少")
    branch.goto(branch.url.split("/dispatches")[0] + "/branch")
    branch.locator("button:has-text('出门派送')").first.click()
    branch.locator("button:has-text('签收了')").first.click()
    expect(branch.locator("button:has-text('签收了')")).to_have_count(0)
    order = visit("02", f"/orders/{number}")
    expect(order.locator("main")).to_contain_text(re.compile("交易成功|已签收"))


def test_a_keeper_takes_cash_for_an_order(visit: Visit):
    buyer = visit("09", "/")
    number = _order(buyer, method="cash")
    desk = visit("03", "/station/cash")
    desk.fill("#number", number)
    desk.fill("#given", "1")
    desk.click("text=收下，打小票")
    expect(desk.get_by_role("alert")).to_contain_text("不够")
    desk.fill("#given", "100")
    desk.click("text=收下，打小票")
    expect(desk.locator(".receipt")).to_contain_text("找零")


def test_a_station_restocks_and_the_supplier_confirms(visit: Visit):
    shop = visit("03", "/restock")
    shop.locator("main input.input").first.fill("5")
    shop.click("text=下单进货")
    expect(shop.locator("main")).to_contain_text("合计")
    supplier = visit("07", "/supplier", desk=True)
    supplier.locator("button:has-text('接单')").first.click()
    expect(supplier.locator("main")).to_contain_text("备货中")


def test_the_province_sees_figures_and_signs_out(visit: Visit, signed_in: dict[str | None, Any]):
    page = visit("08", "/province", desk=True)
    expect(page.locator(".chart svg:visible, .chart canvas:visible").first).to_be_visible()
    page.goto(page.url.replace("/province", "/me"))
    page.click("text=退出登录")
    del signed_in["08"]  # that session has ended: who comes as her again signs in again
    page.wait_for_url(re.compile("/$"))
    page.goto(page.url + "province")
    expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize("tail", [None, "01", "02", "03", "04", "05", "06", "07", "08", "10"])
def test_every_link_of_a_first_screen_leads_somewhere_and_one_leads_out(tail: str | None, visit: Visit):
    page = visit(tail, "/")
    page.goto(urljoin(page.url, "/me" if tail else "/"))
    if tail:
        page.click("text=去我的首页")
        page.wait_for_url(lambda url: not url.endswith("/me"))
    links = set(page.locator("a[href^='/']").evaluate_all("all => all.map(one => one.getAttribute('href'))"))
    dead = [link for link in links if page.request.get(urljoin(page.url, link), headers=HTML).status >= 400]
    assert not dead
    assert links & {"/me", "/login"}, "nobody is caught on his own screen"


def test_a_parcel_is_asked_for_and_a_page_that_is_not_there_says_so(visit: Visit):
    page = visit(None, "/")
    page.click(".foot >> text=查邮件")
    page.fill("#number", "ZA999999999CN")
    page.click("text=查一查")
    expect(page.locator("main")).to_contain_text("编号")
    page.click("a:has-text('回上一页')")
    expect(page.locator("#number")).to_be_visible()


def test_the_shop_works_without_scripts(visit: Visit):
    page = visit(None, "/", scripts=False)
    page.locator(".product h3 a").first.click()
    expect(page.locator("h1")).to_be_visible()
    page.click(".actbar button")
    expect(page).to_have_url(re.compile("/login"))


def test_a_flash_sale_opens_by_the_clock_of_the_house_without_a_reload(visit: Visit):
    console = visit("04", "/host")
    console.locator("main li a").first.click()
    console.wait_for_url(re.compile("/host/[0-9a-f-]{36}"))
    console.fill("#yuan", "1")
    console.fill("#pool", "10")
    console.click("summary:has-text('限时秒杀')")
    console.fill("#opens_in_min", "1")
    console.fill("#lasts_min", "2")
    console.click("button:has-text('加上')")
    expect(console.get_by_role("alert")).to_contain_text("低于底价")
    console.click("button:has-text('确定按 ¥1.00 卖')")
    console.locator("main li.card").last.locator("button:has-text('讲解')").click()
    expect(console.locator("main li.card").last).to_contain_text("讲解中")
    room = visit(None, "/")
    room.clock.install()
    room.goto(urljoin(room.url, "/live/" + console.url.rsplit("/", 1)[1]))
    order = room.locator("[data-order]")
    expect(order).to_contain_text(re.compile(r"\d\d:\d\d:\d\d 开抢"))
    expect(order).to_have_attribute("aria-disabled", "true")
    room.clock.fast_forward("01:01")
    expect(order).to_contain_text("立即下单")
    expect(order).not_to_have_attribute("aria-disabled", "true")
    room.clock.fast_forward("02:01")
    expect(order).to_contain_text("抢完收摊了")


def _buy(page: Page) -> str:
    """Order peaches, look at the WeChat code, think better of it and pay by Alipay on the wallet's page."""
    number = _order(page, method="wechat_pay")
    expect(page.locator("img.qr")).to_be_visible()
    page.locator("label:has(input[value=alipay])").click()
    page.click("text=就用这种")
    page.locator("a:has-text('去支付宝付款')").click()
    page.locator("button[value=pay]").click()
    page.wait_for_url(re.compile("/orders/"))
    expect(page.locator("main")).to_contain_text(re.compile("待发货|备货中|钱收到了"), timeout=30_000)
    return number


def _order(page: Page, *, method: str) -> str:
    page.locator(".product h3 a:has-text('溆浦黄桃')").click()
    page.click(".actbar button")
    page.fill("#name", "王小明")
    page.fill("#phone", "138 0000 1234")
    page.fill("#region", "湖南省长沙市岳麓区")
    page.fill("#detail", "麓山南路 2 号")
    page.locator(f"label:has(input[value={method}])").click()
    fresh = page.locator("#fresh")
    if fresh.count():
        fresh.check()
    page.click("text=去付款")
    page.wait_for_url(ORDER)
    found = ORDER.search(page.url)
    assert found
    return found[1]
