"""The door of orders: whoever asks together shares a commit, and nobody pays for another's claim."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from core import db
from core.db import session, transaction
from core.errors import Refusal
from core.once import IdempotencyKeyReused
from orders import cancelling, verify
from orders.claims import Claim, Key
from orders.intake import HouseFull, Intake
from orders.limits import OverBuyerLimit
from orders.orders import Order, OrderLine
from orders.placed import Placed
from shop.lots import HarvestLot, LotSoldOut
from shop.packs import Pack, PackUnknown
from tests import make
from tests.make.shop import MORNING

pytestmark = pytest.mark.usefixtures("race_db")
BOX_G = 2_500


@pytest.fixture
def opened(race_db: str) -> Iterator[Callable[..., Intake]]:
    """Opens intakes, each as in a process of its own."""
    doors: list[Intake] = []

    def open_one(**given: int) -> Intake:
        doors.append(Intake(db.make_engine(race_db, pool_size=1), now=lambda: MORNING, **given))
        return doors[-1]

    yield open_one
    for door in doors:
        door.close()


def lot_of(boxes: int, **given: int) -> Pack:
    with transaction():
        return make.pack_with_lot(low_g=boxes * BOX_G, **given)


def claims_of(pack: Pack, how_many: int, quantity: int = 1) -> list[Claim]:
    with transaction():
        return [make.claim((pack, quantity)) for _claim in range(how_many)]


def keyed(claim: Claim, name: str, content: str = "the same") -> Claim:
    return replace(claim, key=Key(sha256(name.encode()).digest()[:16], sha256(content.encode()).digest()[:16]))


def ask(door: Intake, claim: Claim) -> Placed | Exception:
    try:
        return door.ask(claim)
    except (Refusal, IntegrityError) as wrong:
        return wrong


def together(doors: list[Intake], claims: list[Claim]) -> list[Placed | Exception]:
    """All of them in one set a door: the taker is held up while they come in."""
    with ThreadPoolExecutor(len(claims) + len(doors)) as pool:
        with db.engine().connect() as other:
            other.execute(text("SELECT FROM harvest_lots FOR UPDATE"))
            with transaction():
                first = [make.claim((session.scalars(select(Pack)).first(), 1)) for _door in doors]
            held = [pool.submit(ask, door, claim) for door, claim in zip(doors, first, strict=True)]
            _until(lambda: _waiting_for_locks() >= len(doors))
            asked = [pool.submit(ask, doors[number % len(doors)], claim) for number, claim in enumerate(claims)]
            _until(lambda: sum(door._queue.qsize() for door in doors) == len(claims))
            other.rollback()
        assert all(isinstance(one.result(), Placed) for one in held)
        return [one.result() for one in asked]


def _waiting_for_locks() -> int:
    with transaction():
        question = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(session.execute(text(question)).scalar_one())


def _until(true: Callable[[], bool]) -> None:
    for _try in range(500):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to that")


def test_forty_who_ask_together_are_one_transaction_and_each_has_his_own_order(opened):
    pack = lot_of(100)
    outcomes = together([opened()], claims_of(pack, 40))
    assert len({one.number for one in outcomes if isinstance(one, Placed)}) == 40
    with transaction():
        assert session.execute(text("SELECT count(DISTINCT xmin::text) FROM orders")).scalar() == 2
        assert session.scalars(select(HarvestLot.held_g)).one() == 41 * BOX_G
        assert verify.run() == []


def test_of_two_doors_and_more_wishes_than_boxes_every_box_is_sold_and_none_twice(opened):
    pack = lot_of(12)
    outcomes = together([opened(), opened()], claims_of(pack, 30))
    sold = [one for one in outcomes if isinstance(one, Placed)]
    assert len(sold) == 10
    assert {type(one) for one in outcomes if not isinstance(one, Placed)} == {LotSoldOut}
    with transaction():
        assert session.scalars(select(HarvestLot.held_g)).one() == 12 * BOX_G
        assert session.scalar(select(func.sum(OrderLine.quantity))) == 12
        assert verify.run() == []


def test_no_box_is_left_over_while_somebody_wants_what_is_there(opened):
    pack = lot_of(4)
    with transaction():
        wishes = [make.claim((pack, quantity)) for quantity in (2, 2, 5, 1)]
    outcomes = together([opened()], wishes)
    assert sum(one.total_minor // pack.price_minor for one in outcomes if isinstance(one, Placed)) == 3
    assert isinstance(outcomes[2], LotSoldOut)


def test_a_claim_that_the_database_refuses_spoils_no_other(opened):
    pack = lot_of(100)
    claims = claims_of(pack, 12)
    claims[5] = replace(claims[5], address=replace(claims[5].address, region_code="999999"))
    claims[8] = replace(claims[8], lines=(replace(claims[8].lines[0], pack_id=claims[8].buyer_id),))
    outcomes = together([opened()], claims)
    assert isinstance(outcomes[5], IntegrityError)
    assert isinstance(outcomes[8], PackUnknown)
    assert sum(isinstance(one, Placed) for one in outcomes) == 10


def test_a_limit_counts_every_claim_of_a_buyer_and_nobody_elses(opened):
    pack = lot_of(100, per_buyer_limit=3)
    with transaction():
        greedy = make.user()
        claims = [make.claim((pack, 1), buyer=greedy) for _claim in range(9)] + [make.claim((pack, 3))]
    outcomes = together([opened()], claims)
    assert [type(one) for one in outcomes] == [Placed] * 3 + [OverBuyerLimit] * 6 + [Placed]


def test_the_same_key_brings_the_same_order_even_when_all_is_sold_out_by_now(opened):
    pack = lot_of(1)
    claim = keyed(claims_of(pack, 1)[0], "mine")
    first = opened().ask(claim)
    again = opened().ask(claim)
    assert (again.number, again.pay_by, again.repeated, first.repeated) == (first.number, first.pay_by, True, False)
    assert isinstance(ask(opened(), keyed(claim, "mine", "something else")), IdempotencyKeyReused)
    assert isinstance(ask(opened(), keyed(claim, "another")), LotSoldOut)


def test_twenty_repeats_at_two_doors_at_once_are_one_order_and_one_box(opened):
    pack = lot_of(100)
    claim = keyed(claims_of(pack, 1)[0], "mine")
    doors = [opened(), opened()]
    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(lambda number: ask(doors[number % 2], claim), range(20)))
    assert len({one.number for one in outcomes if isinstance(one, Placed)}) == 1
    assert {one.code for one in outcomes if isinstance(one, Refusal)} <= {"still_running"}
    with transaction():
        assert session.scalars(select(HarvestLot.held_g)).one() == BOX_G
        assert session.scalar(select(func.count()).select_from(Order)) == 1


def test_who_comes_to_a_full_house_is_told_so_at_once_and_nothing_is_written(opened):
    pack = lot_of(100)
    assert isinstance(ask(opened(queue_max=0), claims_of(pack, 1)[0]), HouseFull)
    with transaction():
        assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_a_taker_whose_connection_was_cut_goes_on_with_another(opened):
    pack = lot_of(100)
    door = opened()
    claims = claims_of(pack, 2)
    assert isinstance(ask(door, claims[0]), Placed)
    with transaction():
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    db.engine().dispose()
    assert isinstance(ask(door, claims[1]), Placed)


def test_who_asks_after_the_last_box_is_told_without_the_hot_row_and_finds_what_came_back_within_a_second(opened):
    pack = lot_of(1)
    door = opened()
    first, late, again = claims_of(pack, 3)
    mine = keyed(first, "mine")
    number = door.ask(mine).number
    assert isinstance(ask(door, late), LotSoldOut)
    with db.engine().connect() as other:
        other.execute(text("SELECT FROM harvest_lots FOR UPDATE"))
        started = time.monotonic()
        assert isinstance(ask(door, again), LotSoldOut)
        assert door.ask(mine).number == number, "whoever has an order is never told that it is sold out"
        assert time.monotonic() - started < 0.3
    with transaction():
        order = session.scalars(select(Order).where(Order.number == number)).one()
        cancelling.cancel(order, reason="", by=order.buyer_id, now=MORNING)
    time.sleep(1)
    assert isinstance(ask(door, again), Placed)
