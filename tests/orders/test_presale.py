"""Presale: what is picked later is sold today, for the days that the buyer agreed to, and for no others."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from core.clock import LOCAL, local_day
from core.db import engine, session
from core.errors import Malformed
from logistics import packing, parcels
from logistics.moves import ParcelStatus
from logistics.parcels import Parcel
from orders import checkout, lifecycle
from orders.checkout import HOLD, LinesShipApart
from orders.orders import Order, OrderLine
from shop import harvest, offers, packs, stock
from shop.lots import HarvestLot, LotNotReady, LotPastDate, LotSoldOut
from shop.offer_terms import Window
from shop.packs import Pack
from shop.presale import (
    Days,
    NoHarvestInWindow,
    PresaleOver,
    ShipWindow,
    ShipWindowBackwards,
    ShipWindowHalf,
    ShipWindowTooFar,
)
from tests import make
from tests.make.shop import MORNING

DAY = timedelta(days=1)
TODAY = local_day(MORNING)
WINDOW = ShipWindow(TODAY + 7 * DAY, TODAY + 12 * DAY)


def later_lot(product: Any, *, ready: int, good: int, low_g: int = 10_000) -> HarvestLot:
    """A lot that can be picked in so many days, and is good until so many days from now."""
    return make.lot(product=product, low_g=low_g, ready_on=TODAY + ready * DAY, best_before=TODAY + good * DAY)


def presale(*, ready: int = 9, good: int = 14, low_g: int = 10_000, ships: ShipWindow = WINDOW) -> Pack:
    """A pack of 2,500 g that leaves in the window, with a lot that is not ready today."""
    pack = make.pack(ships=ships)
    later_lot(pack.product, ready=ready, good=good, low_g=low_g)
    return pack


def line_of(order: Order) -> OrderLine:
    return session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one()


def boxes_of(order: Order) -> list[Parcel]:
    return list(session.scalars(select(Parcel).where(Parcel.reference == order.number)))


@pytest.mark.parametrize(
    ("ready", "good"), [(7, 12), (12, 20), (1, 7), (9, 9), (-3, 30)],
    ids=["the whole window", "from its last day", "until its first day", "one day in it", "ready today and still good"],
)  # fmt: skip
def test_a_lot_that_can_be_picked_inside_the_window_sells_today(ready: int, good: int):
    order = make.order((presale(ready=ready, good=good), 2))
    assert (order.ships_from, order.ships_by) == WINDOW
    assert session.get_one(HarvestLot, line_of(order).lot_id).held_g == 5_000


@pytest.mark.parametrize(("ready", "good"), [(13, 20), (0, 6)], ids=["too late", "too early"])
def test_a_lot_outside_the_window_does_not_sell(ready: int, good: int):
    with pytest.raises(NoHarvestInWindow) as refusal:
        checkout.place_one(make.claim((presale(ready=ready, good=good), 1)), now=MORNING)
    assert str(refusal.value) == "2026-08-20 到 2026-08-25 这几天，还没有能采的批次。"


def test_ready_goods_do_not_draw_on_what_is_picked_later():
    pack = make.pack()
    later_lot(pack.product, ready=1, good=5)
    with pytest.raises(LotNotReady):
        checkout.place_one(make.claim((pack, 1)), now=MORNING)


def test_the_last_units_of_a_presale_are_sold_once_also_when_two_ask_in_one_set():
    pack = presale(low_g=7_500)
    outcomes = checkout.place([make.claim((pack, 2)), make.claim((pack, 2)), make.claim((pack, 1))], now=MORNING)
    assert [isinstance(one, checkout.Placed) for one in outcomes] == [True, False, True]
    assert isinstance(outcomes[1], LotSoldOut)
    with pytest.raises(LotSoldOut):
        checkout.place_one(make.claim((pack, 1)), now=MORNING)


def test_ready_goods_and_a_presale_of_one_lot_share_its_grams_in_one_set():
    ready = make.pack()
    ahead = make.pack(product=ready.product, name="预售 5斤装", ships=WINDOW)
    lot = make.lot(product=ready.product, low_g=5_000, best_before=TODAY + 8 * DAY)
    checkout.place([make.claim((ready, 1)), make.claim((ahead, 1))], now=MORNING)
    session.refresh(lot)
    assert lot.held_g == 5_000
    with pytest.raises(LotSoldOut):
        checkout.place_one(make.claim((ahead, 1)), now=MORNING)


def test_the_hold_looks_at_the_days_again():
    lot = later_lot(make.product(), ready=9, good=14)
    days = Days(*WINDOW)
    with pytest.raises(LotNotReady):
        stock.hold({lot.id: 1}, reference="today", now=MORNING)
    harvest.change(lot, {"ready_on": WINDOW.ships_by + DAY}, by=None, now=MORNING)
    with pytest.raises(LotNotReady):
        stock.hold({lot.id: 1}, reference="too late", now=MORNING, leaving={lot.id: days})
    harvest.change(lot, {"ready_on": TODAY, "best_before": WINDOW.ships_from - DAY}, by=None, now=MORNING)
    with pytest.raises(LotPastDate):
        stock.hold({lot.id: 1}, reference="too early", now=MORNING, leaving={lot.id: days})
    harvest.change(lot, {"best_before": WINDOW.ships_from}, by=None, now=MORNING)
    stock.hold({lot.id: 1}, reference="in time", now=MORNING, leaving={lot.id: days})


@pytest.mark.parametrize(
    ("ships", "refusal"),
    [
        (ShipWindow(TODAY + DAY, None), ShipWindowHalf),
        (ShipWindow(None, TODAY + DAY), ShipWindowHalf),
        (ShipWindow(TODAY + 3 * DAY, TODAY + 2 * DAY), ShipWindowBackwards),
        (ShipWindow(TODAY - 3 * DAY, TODAY - DAY), ShipWindowBackwards),
        (ShipWindow(TODAY, TODAY), ShipWindowBackwards),
        (ShipWindow(TODAY, TODAY + 91 * DAY), ShipWindowTooFar),
    ],
    ids=["no end", "no beginning", "backwards", "past", "over today", "next year"],
)
def test_a_window_that_nobody_can_mean_is_refused_for_pack_and_offer(ships: ShipWindow, refusal: type[Malformed]):
    with pytest.raises(refusal):
        make.pack(ships=ships)
    with pytest.raises(refusal):
        make.live_offer(ships=ships)
    pack = make.pack()
    with pytest.raises(refusal):
        packs.change(pack, ships._asdict(), by=make.user().id, now=MORNING)


def test_a_pack_becomes_a_presale_and_ready_goods_again_and_old_orders_keep_their_days():
    pack, by = presale(), make.user().id
    order = make.order((pack, 1))
    packs.change(pack, {"ships_by": WINDOW.ships_by + 3 * DAY}, by=by, now=MORNING)
    second = make.order((pack, 1))
    packs.change(pack, {"ships_from": None, "ships_by": None}, by=by, now=MORNING)
    with pytest.raises(LotNotReady):
        checkout.place_one(make.claim((pack, 1)), now=MORNING)
    session.refresh(order)
    assert (order.ships_from, order.ships_by) == WINDOW
    assert second.ships_by == WINDOW.ships_by + 3 * DAY


def test_a_presale_is_ordered_until_the_day_before_its_last():
    pack = presale()
    last = datetime.combine(WINDOW.ships_by, datetime.min.time(), tzinfo=LOCAL)
    order = make.order((pack, 1), now=last - timedelta(minutes=1))
    assert order.ships_by == WINDOW.ships_by
    with pytest.raises(PresaleOver) as refusal:
        checkout.place_one(make.claim((pack, 1)), now=last)
    assert str(refusal.value) == "这一档预售到 2026-08-25 截止，已经不能再订了。"


def test_inside_the_window_a_lot_that_is_over_by_now_is_not_sold():
    pack = presale(ready=1, good=8)
    with pytest.raises(NoHarvestInWindow):
        checkout.place_one(make.claim((pack, 1)), now=MORNING + 9 * DAY)


def test_presale_and_ready_goods_or_other_days_are_not_one_order():
    ahead = presale(low_g=50_000)
    ready = make.pack(product=ahead.product, name="现货")
    make.lot(product=ahead.product)
    other = make.pack(product=ahead.product, name="晚几天", ships=ShipWindow(WINDOW.ships_from, WINDOW.ships_by + DAY))
    same = make.pack(product=ahead.product, name="同一档", ships=WINDOW)
    for second in (ready, other):
        with pytest.raises(LinesShipApart) as refusal:
            checkout.place_one(make.claim((ahead, 1), (second, 1)), now=MORNING)
    assert str(refusal.value) == "预售和现货，或者发货日子不同的预售，请分开下单。"
    assert checkout.place_one(make.claim((ahead, 1), (same, 1)), now=MORNING)


def test_an_offer_has_days_of_its_own_and_else_those_of_its_pack():
    room = make.live_session()
    pack = make.live_pack(room)
    later_lot(pack.product, ready=9, good=14, low_g=50_000)
    offer = make.live_offer(room, pack=pack, ships=WINDOW)
    order = make.order((offer, 1))
    assert (order.ships_from, order.ships_by) == WINDOW
    packs.change(pack, WINDOW._replace(ships_by=WINDOW.ships_by + DAY)._asdict(), by=room.host_id, now=MORNING)
    assert make.order((offer, 1)).ships_by == WINDOW.ships_by
    assert make.order((make.live_offer(room, pack=pack), 1)).ships_by == WINDOW.ships_by + DAY


def test_left_of_an_offer_asks_the_lots_that_its_orders_would_draw_on():
    room = make.live_session()
    pack = make.live_pack(room, low_g=2_500)
    harvest.change(session.scalars(select(HarvestLot)).one(), {"best_before": TODAY + DAY}, by=None, now=MORNING)
    later_lot(pack.product, ready=9, good=14, low_g=12_500)
    later_lot(pack.product, ready=13, good=30, low_g=100_000)
    today, ahead = make.live_offer(room, pack=pack), make.live_offer(room, pack=pack, ships=WINDOW)
    left = offers.left([today.id, ahead.id], now=MORNING)
    assert (left[today.id], left[ahead.id]) == (1, 5)
    for quantity, more in ((5, 0), (1, None)):
        if more is None:
            with pytest.raises(LotSoldOut):
                checkout.place_one(make.claim((ahead, quantity)), now=MORNING)
        else:
            checkout.place_one(make.claim((ahead, quantity)), now=MORNING)
            assert offers.left([ahead.id], now=MORNING) == {ahead.id: more}
    assert offers.left([ahead.id], now=MORNING + 12 * DAY) == {ahead.id: 0}


def test_limit_reprice_stop_and_flash_window_hold_for_a_presale():
    room = make.live_session()
    pack = make.live_pack(room, low_g=2_500)
    later_lot(pack.product, ready=9, good=14, low_g=50_000)
    opens = Window(MORNING + timedelta(minutes=1))
    offer = make.live_offer(room, pack=pack, ships=WINDOW, per_buyer_limit=2, window=opens)
    buyer, now = make.user(), MORNING + timedelta(minutes=1)
    with pytest.raises(Exception, match="还没开抢"):
        checkout.place_one(make.claim((offer, 1), buyer=buyer), now=MORNING)
    first = make.order((offer, 2), buyer=buyer, now=now)
    with pytest.raises(Exception, match="限购"):
        checkout.place_one(make.claim((offer, 1), buyer=buyer), now=now)
    offers.reprice(offer, price_minor=2_000, by=room.host_id, now=now)
    second = make.order((offer, 1), now=now)
    assert (first.total_minor, second.total_minor) == (2 * 2_590, 2_000)
    offers.stop(offer, by=room.host_id, now=now)
    with pytest.raises(Exception, match="停卖"):
        checkout.place_one(make.claim((offer, 1)), now=now)


def test_a_presale_box_waits_for_no_hands_before_its_days_and_is_due_on_the_last():
    order = make.paid_order((presale(), 2))
    boxes = boxes_of(order)
    assert {(box.pack_from, box.pack_by.astimezone(LOCAL).date()) for box in boxes} == {WINDOW}
    counts = [
        parcels.board(order.station_id, day=day)[ParcelStatus.REGISTERED]
        for day in (TODAY, WINDOW.ships_from - DAY, WINDOW.ships_from, WINDOW.ships_by)
    ]
    assert counts == [0, 0, 2, 2]


def test_a_presale_box_that_was_packed_before_its_days_is_work_like_any_other():
    order = make.paid_order((presale(), 1))
    box = boxes_of(order)[0]
    packing.pack(box, by=None, now=MORNING)
    assert parcels.board(order.station_id, day=TODAY)[ParcelStatus.PACKED] == 1


def test_a_box_packed_anew_after_the_last_day_is_due_with_the_next_van():
    order = make.paid_order((presale(), 1))
    late = MORNING + 14 * DAY
    parcels.cancel(boxes_of(order)[0], by=None, now=late)
    again = session.scalars(
        select(Parcel).where(Parcel.reference == order.number, Parcel.status == ParcelStatus.REGISTERED)
    ).one()
    assert again.pack_by > late
    assert again.pack_by < late + 2 * DAY


@pytest.mark.parametrize(("days", "works"), [(1, True), (11, True), (12, False), (40, False)])
def test_money_that_comes_late_takes_the_goods_only_while_the_presale_can_be_ordered(days: int, works: bool):
    order = make.order((presale(good=60), 1))
    lifecycle.expire_due(MORNING + HOLD + timedelta(minutes=1))
    session.refresh(order)
    if not works:
        with pytest.raises(PresaleOver):
            lifecycle.mark_paid(order, now=MORNING + days * DAY)
        return
    lifecycle.mark_paid(order, now=MORNING + days * DAY)
    assert session.get_one(HarvestLot, line_of(order).lot_id).allocated_g == 2_500


def test_a_poor_harvest_is_a_shortage_as_ever():
    pack = presale(low_g=5_000)
    order = make.paid_order((pack, 2))
    session.flush()
    lot = harvest.weigh_in(
        session.get_one(HarvestLot, line_of(order).lot_id), weighed_g=3_000, by=None, now=MORNING + 9 * DAY
    )
    assert lot.short_g == 2_000


def test_a_presale_costs_no_statement_more():
    def statements(pack: Pack) -> int:
        seen: list[str] = []

        def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        claim = make.claim((pack, 1))
        event.listen(engine(), "before_cursor_execute", note)
        try:
            checkout.place_one(claim, now=MORNING)
        finally:
            event.remove(engine(), "before_cursor_execute", note)
        return len(seen)

    assert statements(presale()) == statements(make.pack_with_lot())


def test_an_ordinary_order_has_no_days():
    order = make.paid_order()
    assert (order.ships_from, order.ships_by) == (None, None)
    assert [box.pack_from for box in boxes_of(order)] == [None]
    assert boxes_of(order)[0].pack_by.astimezone(LOCAL).date() <= date(2026, 8, 14)
