"""The last mile as a village sees it: the branch sends on, the van brings, the keeper counts and hands over."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.house import House

Visit = Callable[..., Page]

pytestmark = pytest.mark.usefixtures("house")


def test_a_parcel_reaches_the_village_and_is_signed_for_by_a_neighbour(visit: Visit, house: House):
    branch = visit("15", "/branch", desk=True)
    offer = branch.locator("#on li.card", has_text="梅梅商行")
    number = offer.locator("input[name=number]").first.input_value()
    offer.locator("button:has-text('发到村站')").click()
    expect(branch.locator("#on")).to_have_count(0)
    expect(branch.locator("#in")).to_contain_text("发往站点")
    _ride(house, number)

    keeper = visit("18", "/station")
    keeper.click(".task:has-text('待交件')")
    keeper.click("a:has-text('点数')")
    keeper.fill("#numbers", number)
    keeper.click("text=扫完了，对数目")
    expect(keeper.locator(".equation").first).to_contain_text("0 短少")
    keeper.click("text=点好了，去交件")
    expect(keeper.locator(".tasks .task")).to_have_count(3)
    keeper.fill("#q", "8899")
    keeper.click("button:has-text('找件')")
    expect(keeper.locator(".tasks .task")).to_have_count(1)
    keeper.locator(".tasks .task").click()
    expect(keeper.locator("main")).not_to_contain_text("吴老四")
    keeper.locator("label:has(input[value=neighbour])").click()
    keeper.click("button:has-text('签了，交给他')")
    expect(keeper.get_by_role("alert")).to_contain_text("代收人姓名")
    keeper.fill("#collector_name", "杨桂花")
    keeper.click("button:has-text('签了，交给他')")
    expect(keeper.get_by_role("status")).to_contain_text("已签收")
    followed = visit(None, f"/tracking/{number}?tail=8899")
    expect(followed.locator(".timeline")).to_contain_text("梅梅商行")
    expect(followed.locator("main")).to_contain_text("已签收")


def test_what_nobody_collects_waits_for_the_van_back(visit: Visit):
    keeper = visit("18", "/station/hand-over")
    keeper.locator(".tasks .task").first.click()
    keeper.select_option("#reason", "not_collected")
    keeper.click("button:has-text('退回支局')")
    expect(keeper.get_by_role("status")).to_contain_text("带回支局")
    keeper.click("main a:has-text('去装车')")
    expect(keeper).to_have_url(re.compile("/station/load"))
    expect(keeper.locator("main")).to_contain_text("待退支局")


def _ride(house: House, number: str) -> None:
    """The head plans the van of the day and its driver takes the parcel to the village."""
    head, driver = house.caller("15"), house.caller("20")
    stations = {place["name"]: place for place in head.get("/stations", limit=100)["items"]}
    place = stations["梅梅商行"]
    plan = {"branch_id": place["branch_id"], "driver_id": driver.get("/me")["user_id"], "station_ids": [place["id"]]}
    van = head.post("/runs", plan | {"day": "2026-08-14"})["number"]
    driver.post(f"/runs/{van}/load", {"numbers": [number]})
    driver.post(f"/runs/{van}/depart", {})
