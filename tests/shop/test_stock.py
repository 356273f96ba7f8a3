"""Stock moves in whole calls, leaves its rows, and never promises what is not there."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from core.db import session
from shop import harvest, lots, stock
from shop.lots import HarvestLot, LotClosed, LotNotReady, LotPastDate, LotSoldOut, LotUnknown
from shop.movements import Cause, HarvestShortage, StockMovement
from shop.stock import StockMismatch
from tests import make
from tests.make.shop import MORNING

DAY = timedelta(days=1)


def figures(lot: HarvestLot) -> tuple[int, int, int, int]:
    """On hand, allocated, held, ceiling."""
    session.refresh(lot)
    return lot.on_hand_g, lot.allocated_g, lot.held_g, lot.ceiling_g


def sums(lot: HarvestLot) -> tuple[int, ...]:
    columns = (
        StockMovement.on_hand_delta_g,
        StockMovement.allocated_delta_g,
        StockMovement.held_delta_g,
        StockMovement.ceiling_delta_g,
    )
    moved = select(*(func.sum(column) for column in columns)).where(StockMovement.lot_id == lot.id)
    return tuple(session.execute(moved).one())


def test_a_new_lot_may_promise_its_low_bound_times_the_factor() -> None:
    lot = make.lot(low_g=10_001, sell_factor_bp=9_000)
    assert lot.left_g == 9_000
    assert sums(lot) == figures(lot) == (0, 0, 0, 9_000)


def test_an_order_goes_from_held_to_allocated_to_gone() -> None:
    lot = make.lot(low_g=10_000)
    harvest.weigh_in(lot, weighed_g=10_000, by=None, now=MORNING)
    stock.hold({lot.id: 2_500}, reference="order", now=MORNING)
    assert figures(lot) == (10_000, 0, 2_500, 10_000)
    stock.allocate_held({lot.id: 2_500}, reference="order", now=MORNING)
    assert figures(lot) == (10_000, 2_500, 0, 10_000)
    stock.ship({lot.id: 2_500}, reference="order", now=MORNING)
    assert figures(lot) == sums(lot) == (7_500, 0, 0, 7_500)
    assert lot.shipped_g == 2_500


def test_what_is_released_can_be_sold_again() -> None:
    lot = make.lot(low_g=2_500)
    stock.hold({lot.id: 2_500}, reference="a", now=MORNING)
    stock.release({lot.id: 2_500}, reference="a", now=MORNING)
    stock.hold({lot.id: 2_500}, reference="b", now=MORNING)
    assert figures(lot) == sums(lot) == (0, 0, 2_500, 2_500)


def test_what_was_paid_and_cancelled_can_be_sold_again() -> None:
    lot = make.lot(low_g=2_500)
    stock.retake({lot.id: 2_500}, reference="late", now=MORNING)
    stock.unallocate({lot.id: 2_500}, reference="late", now=MORNING)
    assert lot.left_g == 2_500
    assert figures(lot) == sums(lot)


def test_the_last_crate_is_sold_once() -> None:
    lot = make.lot(low_g=2_500)
    stock.hold({lot.id: 2_500}, reference="first", now=MORNING)
    with pytest.raises(LotSoldOut) as refused:
        stock.hold({lot.id: 2_500}, reference="second", now=MORNING)
    assert refused.value.facts["left_g"] == 0
    assert figures(lot) == sums(lot) == (0, 0, 2_500, 2_500)


def test_a_late_payment_finds_no_stock_when_it_was_sold_meanwhile() -> None:
    lot = make.lot(low_g=2_500)
    stock.hold({lot.id: 2_500}, reference="second", now=MORNING)
    with pytest.raises(LotSoldOut):
        stock.retake({lot.id: 2_500}, reference="first", now=MORNING)


def test_one_lot_that_is_short_takes_nothing_from_the_others() -> None:
    product = make.product()
    full, short = make.lot(product=product, low_g=10_000), make.lot(product=product, low_g=1_000)
    with pytest.raises(LotSoldOut) as refused:
        stock.hold({full.id: 2_500, short.id: 2_500}, reference="order", now=MORNING)
    assert refused.value.facts == {"left_g": 1_000, "left_jin": "2", "lot_id": short.id}
    assert figures(full) == (0, 0, 0, 10_000)
    assert figures(short) == (0, 0, 0, 1_000)


def test_a_huge_wish_is_refused_like_any_other() -> None:
    lot = make.lot(low_g=2_500)
    with pytest.raises(LotSoldOut):
        stock.hold({lot.id: 2**40}, reference="order", now=MORNING)


@pytest.mark.parametrize("grams", [0, -1])
def test_nothing_or_less_cannot_be_held(grams: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        stock.hold({make.lot().id: grams}, reference="order", now=MORNING)


def test_a_lot_past_its_date_is_not_sold() -> None:
    lot = make.lot(best_before=MORNING.date())
    stock.hold({lot.id: 1}, reference="today", now=MORNING)
    with pytest.raises(LotPastDate):
        stock.hold({lot.id: 1}, reference="tomorrow", now=MORNING + DAY)


def test_a_lot_that_is_not_picked_yet_is_not_sold() -> None:
    lot = make.lot(ready_on=(MORNING + DAY).date())
    with pytest.raises(LotNotReady):
        stock.hold({lot.id: 1}, reference="order", now=MORNING)


def test_the_business_day_is_that_of_the_village() -> None:
    lot = make.lot(best_before=MORNING.date())
    late_evening_in_shanghai = MORNING.replace(hour=15, minute=59)
    stock.hold({lot.id: 1}, reference="late", now=late_evening_in_shanghai)
    with pytest.raises(LotPastDate):
        stock.hold({lot.id: 1}, reference="too late", now=late_evening_in_shanghai + timedelta(minutes=1))


def test_a_closed_lot_is_not_sold_but_what_it_owes_still_moves() -> None:
    lot = make.lot()
    stock.hold({lot.id: 500}, reference="order", now=MORNING)
    harvest.change(lot, {"status": lots.LotStatus.CLOSED}, by=None, now=MORNING)
    with pytest.raises(LotClosed):
        stock.hold({lot.id: 500}, reference="order", now=MORNING)
    stock.allocate_held({lot.id: 500}, reference="order", now=MORNING + 30 * DAY)


def test_an_unknown_lot_is_named_as_such() -> None:
    with pytest.raises(LotUnknown):
        stock.hold({uuid4(): 1}, reference="order", now=MORNING)


@pytest.mark.parametrize("verb", [stock.release, stock.allocate_held, stock.unallocate, stock.ship])
def test_what_was_never_taken_cannot_be_given_back(verb) -> None:
    lot = make.lot()
    with pytest.raises(StockMismatch):
        verb({lot.id: 500}, reference="order", now=MORNING)
    assert figures(lot) == sums(lot)


def test_every_movement_says_why_when_and_for_what() -> None:
    lot = make.lot()
    stock.hold({lot.id: 500}, reference="order-7", now=MORNING)
    last = session.scalars(select(StockMovement).where(StockMovement.cause == Cause.HOLD)).one()
    assert (last.lot_id, last.reference, last.at, last.held_delta_g) == (lot.id, "order-7", MORNING, 500)


def test_a_box_that_leaves_before_the_weigh_in_is_counted_when_the_scale_comes() -> None:
    lot = make.lot(low_g=10_000)
    stock.retake({lot.id: 2_500}, reference="order", now=MORNING)
    stock.ship({lot.id: 2_500}, reference="order", now=MORNING)
    assert figures(lot) == (0, 0, 0, 7_500)
    harvest.weigh_in(lot, weighed_g=12_000, by=None, now=MORNING)
    assert figures(lot) == sums(lot) == (9_500, 0, 0, 9_500)


def test_a_box_that_really_left_is_not_argued_with() -> None:
    lot = make.lot(low_g=10_000)
    stock.retake({lot.id: 5_000}, reference="order", now=MORNING)
    harvest.weigh_in(lot, weighed_g=4_000, by=None, now=MORNING)
    assert lot.short_g == 1_000
    stock.ship({lot.id: 5_000}, reference="order", now=MORNING)
    assert figures(lot) == sums(lot) == (0, 0, 0, 0)
    assert (lot.short_g, lot.shipped_g) == (0, 5_000)


def test_a_shortage_shrinks_as_promises_are_given_back() -> None:
    lot = make.lot(low_g=10_000)
    stock.hold({lot.id: 10_000}, reference="orders", now=MORNING)
    harvest.weigh_in(lot, weighed_g=6_000, by=None, now=MORNING)
    assert lot.short_g == 4_000
    assert session.scalars(select(HarvestShortage.missing_g)).all() == [4_000]
    stock.release({lot.id: 2_500}, reference="orders", now=MORNING)
    session.refresh(lot)
    assert lot.short_g == 1_500
    with pytest.raises(LotSoldOut):
        stock.hold({lot.id: 1}, reference="order", now=MORNING)
    stock.release({lot.id: 5_000}, reference="orders", now=MORNING)
    session.refresh(lot)
    assert (lot.short_g, lot.left_g) == (0, 3_500)
