"""Which lot a basket is taken from."""

from datetime import timedelta

import pytest

from core.errors import Refusal
from shop import harvest, lots, stock
from shop.lots import EstimateDisordered, LotNotReady, LotPastDate, LotSoldOut
from tests import make
from tests.make.shop import MORNING

TODAY = MORNING.date()
DAY = timedelta(days=1)


def test_a_code_names_the_branch_the_day_and_a_number() -> None:
    first, second = make.lot(), make.lot()
    branch, day, number = first.code.split("-")
    assert (len(branch), day, first.code != second.code) == (6, "260813", True)
    assert number.isdecimal()


def test_what_ends_first_goes_first() -> None:
    pack = make.pack()
    make.lot(product=pack.product, best_before=TODAY + 3 * DAY)
    soon = make.lot(product=pack.product, best_before=TODAY + DAY)
    assert lots.choose_lot(pack, now=MORNING).id == soon.id


def test_a_lot_with_too_little_is_passed_over() -> None:
    pack = make.pack(net_g=2_500)
    make.lot(product=pack.product, best_before=TODAY + DAY, low_g=4_999)
    later = make.lot(product=pack.product, best_before=TODAY + 3 * DAY, low_g=5_000)
    assert lots.choose_lot(pack, quantity=2, now=MORNING).id == later.id


def test_two_packs_of_one_product_are_summed_before_a_lot_is_chosen() -> None:
    product = make.product()
    small, large = make.pack(product=product, net_g=2_500), make.pack(product=product, net_g=5_000)
    lot = make.lot(product=product, low_g=7_000)
    assert lots.for_packs({small.id: 1}, now=MORNING) == {small.id: lot.id}
    assert lots.for_packs({large.id: 1}, now=MORNING) == {large.id: lot.id}
    with pytest.raises(LotSoldOut) as refused:
        lots.for_packs({small.id: 1, large.id: 1}, now=MORNING)
    assert refused.value.facts["left_g"] == 7_000


def test_packs_of_two_products_come_from_two_lots() -> None:
    peach, kiwi = make.pack(), make.pack(product=make.product(name="猕猴桃"))
    peaches, kiwis = make.lot(product=peach.product), make.lot(product=kiwi.product)
    assert lots.for_packs({peach.id: 1, kiwi.id: 2}, now=MORNING) == {peach.id: peaches.id, kiwi.id: kiwis.id}


def test_what_was_sold_meanwhile_is_seen() -> None:
    pack = make.pack(net_g=2_500)
    lot = make.lot(product=pack.product, low_g=2_500)
    assert lots.choose_lot(pack, now=MORNING).id == lot.id
    stock.hold({lot.id: 2_500}, reference="a", now=MORNING)
    with pytest.raises(LotSoldOut):
        lots.choose_lot(pack, now=MORNING)


@pytest.mark.parametrize(
    ("ready", "best_before", "moment", "reason"),
    [(0, 1, 2, LotPastDate), (2, 5, 0, LotNotReady), (0, 1, 90, LotSoldOut)],
)
def test_the_reason_is_named_when_no_lot_can_be_sold(
    ready: int, best_before: int, moment: int, reason: type[Refusal]
) -> None:
    pack = make.pack()
    make.lot(product=pack.product, ready_on=TODAY + ready * DAY, best_before=TODAY + best_before * DAY)
    with pytest.raises(reason):
        lots.choose_lot(pack, now=MORNING + moment * DAY)


def test_a_closed_lot_is_not_chosen() -> None:
    pack = make.pack()
    lot = make.lot(product=pack.product)
    harvest.change(lot, {"status": lots.LotStatus.CLOSED}, by=None, now=MORNING)
    with pytest.raises(LotSoldOut):
        lots.choose_lot(pack, now=MORNING)


def test_a_lot_of_yesterday_cannot_be_opened() -> None:
    with pytest.raises(LotPastDate):
        make.lot(ready_on=TODAY - 3 * DAY, best_before=TODAY - DAY)


@pytest.mark.parametrize(
    "wrong", [{"low_g": 3, "likely_g": 2, "high_g": 4}, {"ready_on": TODAY + DAY, "best_before": TODAY}]
)
def test_an_estimate_goes_from_low_to_high_and_dates_from_first_to_last(wrong: dict) -> None:
    with pytest.raises(EstimateDisordered):
        make.lot(**wrong)
