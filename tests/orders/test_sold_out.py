"""What a process remembers of sold-out things: for half a second, and never against who has an order."""

from dataclasses import replace
from uuid import uuid4

import pytest

from orders.claims import Claim, ClaimLine
from orders.sold_out import KEPT_S, SoldOut
from shop.lots import LotSoldOut
from shop.pools import OfferSoldOut

PEACH, PEAR = uuid4(), uuid4()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> SoldOut:
    return SoldOut(clock)


def claim(*lines: ClaimLine) -> Claim:
    return Claim(buyer_id=uuid4(), lines=lines, address=None)  # type: ignore[arg-type]


ONE_PEACH = ClaimLine(1, offer_id=PEACH)


def test_one_who_could_not_have_one_tells_for_all_who_want_some(memory):
    memory.learn(claim(ONE_PEACH), OfferSoldOut(number=3, left=0, offer_id=PEACH))
    told = memory.against(claim(ClaimLine(4, offer_id=PEACH)))
    assert isinstance(told, OfferSoldOut)
    assert told.facts == {"number": 3, "left": 0, "offer_id": PEACH}
    assert memory.against(claim(ClaimLine(1, pack_id=PEAR), ONE_PEACH))
    assert memory.against(claim(ClaimLine(1, pack_id=PEAR))) is None


def test_after_half_a_second_it_is_looked_at_again(memory, clock):
    memory.learn(claim(ONE_PEACH), LotSoldOut(left_g=0))
    clock.now += KEPT_S - 0.01
    assert memory.against(claim(ONE_PEACH))
    clock.now += 0.02
    assert memory.against(claim(ONE_PEACH)) is None


def test_who_wanted_more_than_one_says_nothing_about_one(memory):
    memory.learn(claim(replace(ONE_PEACH, quantity=2)), OfferSoldOut(number=3, left=1, offer_id=PEACH))
    memory.learn(claim(ONE_PEACH, ClaimLine(1, pack_id=PEAR)), LotSoldOut(left_g=0))
    assert memory.against(claim(ONE_PEACH)) is None


def test_a_line_that_names_nothing_or_an_empty_basket_is_not_its_business(memory):
    assert memory.against(claim()) is None
    assert memory.against(claim(ClaimLine(1))) is None
