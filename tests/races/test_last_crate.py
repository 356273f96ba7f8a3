"""Real threads, real commits: one crate is sold once, and orders that cross each other both end."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from core.db import session, transaction
from shop import harvest, stock, verify
from shop.lots import HarvestLot, LotSoldOut
from shop.movements import Cause, StockMovement
from tests import make
from tests.make.shop import MORNING

pytestmark = pytest.mark.usefixtures("race_db")
CRATE = 2_500
BUYERS = 12


def lots_of(*low_g: int) -> list[UUID]:
    with transaction():
        product = make.product()
        return [make.lot(product=product, low_g=grams).id for grams in low_g]


def at_once(deed: Callable[[int], None], people: int = BUYERS) -> int:
    """How many succeed when everybody acts at the same moment; LotSoldOut is a no, anything else is a fault."""
    start = Barrier(people)

    def act(person: int) -> bool:
        start.wait()
        try:
            with transaction():
                deed(person)
        except LotSoldOut:
            return False
        return True

    with ThreadPoolExecutor(people) as pool:
        return sum(pool.map(act, range(people)))


def figures(lot_id: UUID) -> tuple[int, int, int]:
    with transaction():
        row = session.execute(
            select(HarvestLot.ceiling_g, HarvestLot.allocated_g, HarvestLot.held_g).where(HarvestLot.id == lot_id)
        ).one()
        return tuple(row)


def nothing_is_broken() -> bool:
    with transaction():
        return not any(session.execute(text(query)).all() for _name, query in verify.checks())


def test_one_crate_is_sold_once() -> None:
    (lot,) = lots_of(CRATE)
    sold = at_once(lambda person: stock.hold({lot: CRATE}, reference=f"order {person}", now=MORNING))
    assert sold == 1
    assert figures(lot) == (CRATE, 0, CRATE)
    with transaction():
        assert session.scalar(select(func.count()).where(StockMovement.cause == Cause.HOLD)) == 1
    assert nothing_is_broken()


def test_ten_crates_are_sold_to_ten_of_twelve() -> None:
    (lot,) = lots_of(10 * CRATE)
    sold = at_once(lambda person: stock.hold({lot: CRATE}, reference=f"order {person}", now=MORNING))
    assert sold == 10
    assert figures(lot) == (10 * CRATE, 0, 10 * CRATE)
    assert nothing_is_broken()


def test_orders_over_two_lots_in_opposite_order_never_deadlock() -> None:
    one, other = lots_of(100 * CRATE, 100 * CRATE)

    def buy(person: int) -> None:
        for _time in range(4):
            both = [one, other] if person % 2 else [other, one]
            stock.hold(dict.fromkeys(both, CRATE), reference=f"order {person}", now=MORNING)

    assert at_once(lambda person: buy(person) if person < 4 else None, people=4) == 4
    for _round in range(5):
        assert (
            at_once(lambda p: stock.hold({[one, other][p % 2]: 1, [other, one][p % 2]: 1}, reference="x", now=MORNING))
            == BUYERS
        )
    assert figures(one) == figures(other)
    assert nothing_is_broken()


def test_a_short_lot_in_a_crossing_order_leaves_the_other_untouched() -> None:
    plenty, scarce = lots_of(100 * CRATE, 3 * CRATE)
    wish = {plenty: CRATE, scarce: CRATE}
    assert at_once(lambda person: stock.hold(wish, reference=f"order {person}", now=MORNING)) == 3
    assert figures(plenty) == (100 * CRATE, 0, 3 * CRATE)
    assert figures(scarce) == (3 * CRATE, 0, 3 * CRATE)
    assert nothing_is_broken()


def test_holds_releases_and_payments_at_once_leave_true_books() -> None:
    (lot,) = lots_of(BUYERS * CRATE)
    with transaction():
        stock.hold({lot: BUYERS * CRATE}, reference="everybody", now=MORNING)

    def go_on(person: int) -> None:
        verb = (stock.release, stock.allocate_held)[person % 2]
        verb({lot: CRATE}, reference=f"order {person}", now=MORNING + timedelta(minutes=1))

    assert at_once(go_on) == BUYERS
    assert figures(lot) == (BUYERS * CRATE, BUYERS * CRATE // 2, 0)
    assert nothing_is_broken()


def test_a_short_weigh_in_among_buyers_leaves_a_recorded_shortage_or_fewer_sales() -> None:
    (lot_id,) = lots_of(BUYERS * CRATE)

    def act(person: int) -> None:
        if person == 0:
            lot = session.get_one(HarvestLot, lot_id)
            harvest.weigh_in(lot, weighed_g=5 * CRATE, by=None, now=MORNING)
        else:
            stock.hold({lot_id: CRATE}, reference=f"order {person}", now=MORNING)

    sold = at_once(act) - 1
    assert sold >= 5
    assert figures(lot_id) == (5 * CRATE, 0, sold * CRATE)
    with transaction():
        assert session.scalars(select(HarvestLot.short_g)).one() == (sold - 5) * CRATE
    assert nothing_is_broken()
