"""The harvest as it came: the scale, what spoils, and the shortage that is never a silent minus."""

from uuid import UUID

import pytest
from sqlalchemy import select

from core.db import session
from shop import events, harvest, stock
from shop.harvest import LotWeighed, WeighedBelowGone, WriteOffTooLarge
from shop.lots import EstimateDisordered, HarvestLot
from shop.movements import Cause, HarvestShortage, StockMovement
from tests import make
from tests.make.shop import MORNING


def weigh(lot: HarvestLot, grams: int) -> HarvestLot:
    return harvest.weigh_in(lot, weighed_g=grams, by=None, now=MORNING)


def spoil(lot: HarvestLot, grams: int) -> HarvestLot:
    return harvest.write_off(lot, grams=grams, reason="雨后烂果", by=None, now=MORNING)


def shortages(lot: HarvestLot) -> list[int]:
    rows = select(HarvestShortage.missing_g).where(HarvestShortage.lot_id == lot.id)
    return sorted(session.scalars(rows))


def test_the_scale_takes_the_place_of_the_estimate() -> None:
    lot = weigh(make.lot(low_g=400_000, high_g=600_000), 512_000)
    assert (lot.left_g, lot.on_hand_g, lot.weighed_at) == (512_000, 512_000, MORNING)
    assert shortages(lot) == []


def test_weighing_again_corrects_instead_of_adding() -> None:
    lot = weigh(weigh(make.lot(), 300_000), 310_000)
    assert lot.on_hand_g == 310_000
    deltas = select(StockMovement.on_hand_delta_g).where(StockMovement.cause == Cause.WEIGH_IN)
    assert sorted(session.scalars(deltas)) == [10_000, 300_000]


def test_a_short_harvest_is_recorded_and_told_and_sells_nothing_more() -> None:
    told: list[tuple[UUID, int]] = []
    listener = events.harvest_short.connect(lambda lot_id, missing_g: told.append((lot_id, missing_g)))
    try:
        lot = make.lot(low_g=10_000)
        stock.hold({lot.id: 3_000}, reference="a", now=MORNING)
        stock.retake({lot.id: 6_000}, reference="b", now=MORNING)
        weigh(lot, 7_000)
    finally:
        events.harvest_short._listeners.remove(listener)
    assert (lot.short_g, lot.left_g) == (2_000, 0)
    assert (lot.held_g, lot.allocated_g, lot.on_hand_g) == (3_000, 6_000, 7_000)
    assert shortages(lot) == [2_000]
    assert told == [(lot.id, 2_000)]


def test_a_second_loss_adds_only_what_lacks_more() -> None:
    lot = make.lot(low_g=10_000)
    stock.hold({lot.id: 10_000}, reference="a", now=MORNING)
    spoil(weigh(lot, 9_000), 500)
    assert shortages(lot) == [500, 1_000]
    assert lot.short_g == 1_500


def test_a_harvest_of_nothing_is_possible() -> None:
    assert weigh(make.lot(), 0).on_hand_g == 0


def test_the_scale_cannot_show_less_than_has_left() -> None:
    lot = make.lot(low_g=10_000)
    stock.retake({lot.id: 2_500}, reference="a", now=MORNING)
    stock.ship({lot.id: 2_500}, reference="a", now=MORNING)
    with pytest.raises(WeighedBelowGone) as refused:
        weigh(lot, 2_499)
    assert refused.value.facts["gone_g"] == 2_500


def test_spoilt_fruit_leaves_the_lot_with_its_reason() -> None:
    lot = spoil(weigh(make.lot(), 10_000), 1_000)
    assert (lot.on_hand_g, lot.lost_g, lot.left_g) == (9_000, 1_000, 9_000)
    loss = session.scalars(select(StockMovement).where(StockMovement.cause == Cause.WRITE_OFF)).one()
    assert (loss.on_hand_delta_g, loss.ceiling_delta_g, loss.reference) == (-1_000, -1_000, "雨后烂果")


def test_what_spoils_on_the_tree_lowers_what_may_be_promised() -> None:
    lot = spoil(make.lot(low_g=10_000), 1_000)
    assert (lot.on_hand_g, lot.lost_g, lot.left_g) == (0, 0, 9_000)


def test_more_than_there_is_cannot_spoil() -> None:
    with pytest.raises(WriteOffTooLarge):
        spoil(weigh(make.lot(), 10_000), 10_001)


def test_harvested_is_gone_plus_lost_plus_there() -> None:
    lot = make.lot(low_g=10_000)
    stock.retake({lot.id: 2_500}, reference="a", now=MORNING)
    stock.ship({lot.id: 2_500}, reference="a", now=MORNING)
    spoil(weigh(lot, 9_000), 500)
    assert lot.shipped_g + lot.lost_g + lot.on_hand_g == 9_000


def test_a_corrected_estimate_moves_the_ceiling() -> None:
    lot = make.lot(low_g=10_000, high_g=20_000)
    harvest.change(lot, {"low_g": 5_000, "likely_g": 6_000}, by=None, now=MORNING)
    assert lot.left_g == 5_000


def test_rain_that_cuts_the_estimate_below_what_is_promised_is_a_shortage() -> None:
    lot = make.lot(low_g=10_000)
    stock.hold({lot.id: 10_000}, reference="a", now=MORNING)
    harvest.change(lot, {"low_g": 4_000}, by=None, now=MORNING)
    assert (lot.short_g, shortages(lot)) == (6_000, [6_000])


def test_after_the_weigh_in_the_estimate_stands() -> None:
    with pytest.raises(LotWeighed):
        harvest.change(weigh(make.lot(), 10_000), {"low_g": 1}, by=None, now=MORNING)


@pytest.mark.parametrize("changes", [{"low_g": 2_000_000}, {"best_before": MORNING.date().replace(year=2020)}])
def test_bounds_and_dates_keep_their_order(changes: dict) -> None:
    with pytest.raises(EstimateDisordered):
        harvest.change(make.lot(), changes, by=None, now=MORNING)
