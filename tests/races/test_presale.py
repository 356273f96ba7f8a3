"""One lot, sold ready and ahead of its last days at once: the last crate goes once, and the smaller wish still fits."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import db
from core.clock import local_day
from core.db import session, transaction
from core.errors import Refusal
from orders import verify
from orders.claims import Claim, ClaimLine
from orders.intake import Intake
from orders.orders import Order
from orders.placed import Placed
from shop.lots import HarvestLot, LotSoldOut
from shop.presale import ShipWindow
from tests import make
from tests.make.shop import MORNING

pytestmark = pytest.mark.usefixtures("race_db")
TODAY = local_day(MORNING)
WINDOW = ShipWindow(TODAY + timedelta(days=3), TODAY + timedelta(days=8))
BUYERS, CRATES = 60, 41


@pytest.fixture
def doors(race_db: str) -> Iterator[list[Intake]]:
    """Two, as in two processes."""
    opened = [Intake(db.make_engine(race_db, pool_size=1), now=lambda: MORNING) for _door in range(2)]
    yield opened
    for door in opened:
        door.close()


def claims() -> list[Claim]:
    """Everybody wants one crate or two of the same lot: ready ones and presales in turn."""
    ready = make.pack()
    ahead = make.pack(product=ready.product, name="预售", ships=WINDOW)
    make.lot(product=ready.product, low_g=CRATES * ready.net_g)
    packs, to = (ready.id, ahead.id), make.address()
    return [Claim(make.user().id, (ClaimLine(1 + number // 2 % 2, packs[number % 2]),), to) for number in range(BUYERS)]


def test_ready_and_ahead_are_never_oversold_and_no_crate_is_left_that_somebody_wants(doors: list[Intake]) -> None:
    with transaction():
        wanted = claims()

    def ask(number: int) -> Placed | Refusal:
        try:
            return doors[number // 2 % 2].ask(wanted[number])
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(ask, range(BUYERS)))
    with transaction():
        lot = session.scalars(select(HarvestLot)).one()
        orders = {order.id: order for order in session.scalars(select(Order))}
        for number, outcome in enumerate(outcomes):
            if isinstance(outcome, Placed):
                assert (orders[outcome.id].ships_by is not None) == (number % 2 == 1)
            else:
                assert isinstance(outcome, LotSoldOut)
        assert len(orders) == sum(isinstance(outcome, Placed) for outcome in outcomes)
        assert lot.left_g == 0
        assert verify.run() == []
