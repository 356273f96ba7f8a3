"""A presale on the screens: its days are told before anybody pays, agreed to by name, and not the work of today."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from core.clock import local_day
from core.db import session
from core.permissions import Role
from core.testing import frozen
from orders.orders import Order
from shop import harvest, offers
from shop.lots import HarvestLot
from shop.packs import Pack
from shop.presale import ShipWindow
from tests import make
from tests.make.shop import MORNING
from web import storefront

DAY = timedelta(days=1)
TODAY = local_day(MORNING)
WINDOW = ShipWindow(TODAY + 7 * DAY, TODAY + 12 * DAY)
DAYS = "预售，8月20日至8月25日发货"
AGREED = "2026-08-20/2026-08-25"


@pytest.fixture(autouse=True)
def morning():
    """All of a test happens in one moment, in a process that has kept nothing."""
    storefront._drawn.cache_clear()
    with frozen(MORNING):
        yield


@pytest.fixture
def station():
    return make.station()


@pytest.fixture
def pack(station):
    """A presale whose lot is picked in nine days."""
    product = make.product(farm=make.farm(station=station))
    make.lot(product=product, low_g=10_000, ready_on=TODAY + 9 * DAY, best_before=TODAY + 14 * DAY)
    return make.pack(product=product, ships=WINDOW)


def page(client, headers, path):
    answer = client.get(path, headers=headers | {"Accept": "text/html"})
    assert answer.status_code == 200
    return answer.text


def ordered(client, headers, pack, **given):
    to = make.address()
    form = {"pack": str(pack.id), "quantity": "2", "method": "cash", "fresh": "yes", "key": uuid4().hex}
    form |= {"name": to.name, "phone": to.phone, "detail": to.detail, "region": "", "region_code": to.region_code}
    return client.post("/checkout", data=form | given, headers=headers | {"Accept": "text/html"})


def test_the_product_page_tells_the_days_and_what_is_left_of_the_lots_behind_them(client, pack):
    told = page(client, {}, f"/products/{pack.product_id}")
    assert told.count(DAYS) == 2
    assert "预售怎么发货" in told
    assert "这箱坐哪趟车" not in told
    assert re.search(r"还剩 <b>4</b>", told)
    assert "8月22日" in told
    assert "立即下单" in told


def test_a_presale_beside_ready_goods_is_marked_and_counts_its_own_lots(client, pack):
    make.pack(product=pack.product, name="现货", price_minor=3_190)
    assert re.search(rf'value="{pack.id}" checked', page(client, {}, f"/products/{pack.product_id}"))
    make.lot(product=pack.product, low_g=5_000, best_before=TODAY + DAY)
    storefront._drawn.cache_clear()
    facts = client.get(f"/api/v1/products/{pack.product_id}").json
    assert {one["pack"]["ships_by"]: one["left"] for one in facts["packs"]} == {"2026-08-25": 4, None: 2}
    assert (facts["left_g"], facts["presale_from"]) == (5_000, "2026-08-20")


def test_after_its_last_day_a_presale_is_shown_as_sold_out(client, pack):
    with frozen(MORNING + 12 * DAY):
        assert "今天卖完了" in page(client, {}, f"/products/{pack.product_id}")


def test_a_list_tells_when_a_presale_leaves_as_long_as_it_can_be_ordered(client, pack):
    assert "预售，8月20日起发货" in page(client, {}, "/search")
    make.order((pack, 4))
    assert "预售，8月20日起发货" not in page(client, {}, "/search")


def test_a_buyer_agrees_to_the_days_by_name_and_her_order_keeps_them(client, login, pack):
    buyer = make.user()
    headers = login(client, buyer)
    form = page(client, headers, f"/checkout?pack={pack.id}")
    assert DAYS in form
    assert f'name="presale" value="{AGREED}" required' in form
    for given in ({}, {"presale": "yes"}, {"presale": "2026-08-20/2026-08-24"}):
        refused = ordered(client, headers, pack, **given)
        assert refused.status_code == 422
        assert "请先看一眼预售的发货日子" in refused.text
    assert ordered(client, headers, pack, presale=AGREED).status_code == 303
    order = session.scalars(select(Order)).one()
    assert (order.ships_from, order.ships_by) == WINDOW
    assert DAYS in page(client, headers, f"/orders/{order.number}")
    assert DAYS in page(client, headers, "/orders")


def test_in_english_the_days_are_english(client, pack):
    client.set_cookie("lang", "en")
    assert "Presale, leaves 20 Aug to 25 Aug" in page(client, {}, f"/products/{pack.product_id}")


def test_the_pick_list_shows_a_presale_apart_until_its_first_day(client, login, pack, station):
    order = make.paid_order((pack, 2))
    keeper = login(client, make.keeper(station, user=make.user(roles=[Role.KEEPER])))
    early = page(client, keeper, "/station/pack")
    assert "还有 0 箱" in early
    assert "预售，还没到日子：2 箱" in early
    assert re.search(r'task__n">0<', page(client, keeper, "/station"))
    number = re.search(r"/station/pack/(ZA\w+)", early)[1]
    assert "这是预售，8月20日起才发货" in page(client, keeper, f"/station/pack/{number}")
    with frozen(MORNING + 7 * DAY):
        keeper = login(client, make.keeper(station, user=make.user(roles=[Role.KEEPER])))
        due = page(client, keeper, "/station/pack")
        assert "还有 2 箱" in due
        assert "还没到日子" not in due
        assert "这是预售" not in page(client, keeper, f"/station/pack/{number}")
    assert order.ships_by == WINDOW.ships_by


def test_a_changed_harvest_is_on_the_stations_desk_and_on_the_buyers_order(client, login, pack, station):
    buyer = make.user()
    order = make.paid_order((pack, 2), buyer=buyer)
    lot = session.scalars(select(HarvestLot)).one()
    harvest.change(lot, {"ready_on": TODAY + 13 * DAY}, by=None, now=MORNING)
    desk = page(client, login(client, make.keeper(station, user=make.user(roles=[Role.KEEPER]))), "/station")
    assert "预售赶不上：¥59.80" in desk
    assert f"/orders/{order.number}" in desk
    assert "8月26日才能采" in desk
    assert "8月26日才能采，赶不上说好的日子" in page(client, login(client, buyer), f"/orders/{order.number}")


def test_the_station_calls_a_presale_off_that_it_cannot_keep_and_no_other(client, login, pack, station):
    buyer = make.user()
    number = make.paid_order((pack, 2), buyer=buyer).number
    keeper = make.keeper(station, user=make.user(roles=[Role.KEEPER]))
    assert "替买家取消" not in page(client, login(client, keeper), f"/orders/{number}")
    lot = session.scalars(select(HarvestLot)).one()
    harvest.change(lot, {"best_before": TODAY + 9 * DAY, "ready_on": TODAY + 1 * DAY}, by=None, now=MORNING)
    assert "替买家取消" not in page(client, login(client, keeper), f"/orders/{number}")
    lot = session.scalars(select(HarvestLot)).one()
    harvest.change(lot, {"best_before": TODAY + 6 * DAY}, by=None, now=MORNING)
    assert "这一批只能放到8月19日" in page(client, login(client, buyer), f"/orders/{number}")
    told = page(client, login(client, keeper), f"/orders/{number}")
    assert "替买家取消，原路退款" in told
    assert "您可以取消" not in told
    headers = login(client, keeper) | {"Accept": "text/html"}
    assert client.post(f"/orders/{number}/cancel", headers=headers).status_code == 303
    assert "订单取消了，钱退给您" in page(client, login(client, buyer), f"/orders/{number}")
    assert "预售赶不上" not in page(client, login(client, keeper), "/station")


def test_a_host_sells_a_presale_and_the_room_tells_its_days(client, login):
    host = make.host()
    room = make.live_session(host=host)
    pack = make.live_pack(room, low_g=2_500)
    make.lot(product=pack.product, low_g=20_000, ready_on=TODAY + 9 * DAY, best_before=TODAY + 14 * DAY)
    headers = login(client, host) | {"Accept": "text/html"}
    typed = {"pack": str(pack.id), "yuan": "25.9", "pool": "5", "ships_from": "2026-08-20"}
    half = client.post(f"/host/{room.id}/offers", data=typed | {"key": uuid4().hex}, headers=headers)
    assert half.status_code == 422
    assert 'name="ships_from" type="date" value="2026-08-20"' in half.text
    whole = typed | {"ships_by": "2026-08-25", "key": uuid4().hex}
    assert client.post(f"/host/{room.id}/offers", data=whole, headers=headers).status_code == 303
    offer = offers.of_session(room.id)[0]
    assert client.post(f"/host/{room.id}/offers/{offer.id}/pin", headers=headers).status_code == 303
    assert DAYS in page(client, headers, f"/host/{room.id}")
    told = page(client, {}, f"/live/{room.id}")
    assert told.count(DAYS) == 2
    state = client.get(f"/live/{room.id}/now").json["pinned"]
    assert (state["ships_from"], state["ships_by"], state["left"]) == ("2026-08-20", "2026-08-25", 5)
    assert DAYS in page(client, headers, f"/checkout?offer={offer.id}")


def test_a_farmer_lists_a_presale_with_its_days(client, login):
    farmer = make.user(roles=[Role.FARMER])
    farm = make.farm(member_id=farmer.id)
    form = {"farm": str(farm.id), "name": "冰糖橙", "kind": "fresh", "jin": "5", "yuan": "39.9", "key": uuid4().hex}
    form |= {"ships_from": "2026-08-20", "ships_by": "2026-08-25"}
    answer = client.post("/farm/products/new", data=form, headers=login(client, farmer) | {"Accept": "text/html"})
    assert answer.status_code == 303
    made = session.scalars(select(Pack)).one()
    assert (made.ships_from, made.ships_by) == WINDOW


def test_a_farmer_moves_the_days_of_a_presale_and_sells_what_is_ready_again(client, login):
    farmer = make.user(roles=[Role.FARMER])
    pack = make.pack(product=make.product(farm=make.farm(member_id=farmer.id)), ships=WINDOW)
    headers, path = login(client, farmer) | {"Accept": "text/html"}, f"/farm/packs/{pack.id}/days"
    assert DAYS in page(client, headers, "/farm")
    wrong = client.post(path, data={"ships_from": "2026-08-20", "ships_by": "2026-08-19"}, headers=headers)
    assert wrong.status_code == 422
    assert "预售的最后一天要在今天以后" in wrong.text
    assert 'value="2026-08-19"' in wrong.text
    moved = {"ships_from": "2026-08-21", "ships_by": "2026-08-26"}
    assert client.post(path, data=moved, headers=headers).status_code == 303
    assert "预售，8月21日至8月26日发货" in page(client, headers, "/farm")
    assert client.post(path, data=moved | {"deed": "ready"}, headers=headers).status_code == 303
    assert "我的预售" not in page(client, headers, "/farm")


def test_nobody_else_moves_the_days_of_a_farm(client, login, pack):
    headers = login(client, make.user(roles=[Role.FARMER])) | {"Accept": "text/html"}
    assert client.post(f"/farm/packs/{pack.id}/days", data={"deed": "ready"}, headers=headers).status_code == 404


def test_the_page_where_one_pays_and_the_receipt_tell_the_days(client, login, pack, station):
    buyer = make.user()
    order = make.order((pack, 1), buyer=buyer)
    keeper = make.keeper(station, user=make.user(roles=[Role.KEEPER]))
    assert DAYS in page(client, login(client, buyer), f"/orders/{order.number}/pay")
    assert DAYS in page(client, login(client, keeper), "/station/cash")
    paid = {"number": order.number, "given": "50", "key": uuid4().hex}
    receipt = client.post("/station/cash", data=paid, headers=login(client, keeper) | {"Accept": "text/html"})
    assert DAYS in page(client, login(client, keeper), receipt.headers["Location"])
    assert "到了日子就打包" in page(client, login(client, buyer), f"/orders/{order.number}/pay")
