"""The terms of offers: a slip of the tongue sells nothing, and a flash sale sells in its window only."""

from datetime import timedelta

import pytest

from core.db import session
from orders import checkout
from shop import offers, packs
from shop.offer_terms import BelowFloor, OfferNotYet, OfferOver, Window, WindowBackwards
from tests import make
from tests.make.shop import MORNING

MINUTE = timedelta(minutes=1)


def test_a_price_below_half_of_the_list_price_is_asked_twice():
    room = make.live_session()
    pack = make.live_pack(room, price_minor=9_901)
    with pytest.raises(BelowFloor) as refusal:
        make.live_offer(room, pack=pack, price_minor=4_950)
    assert str(refusal.value) == "¥49.50 低于底价 ¥49.51。真要这样卖，请再确认一次。"
    assert make.live_offer(room, pack=pack, price_minor=4_951).price_minor == 4_951
    assert make.live_offer(room, pack=pack, price_minor=990, confirmed=True).price_minor == 990


def test_a_floor_that_the_farmer_set_counts_instead():
    room = make.live_session()
    pack = make.live_pack(room, price_minor=9_900)
    packs.change(pack, {"floor_minor": 9_000}, by=make.user().id, now=MORNING)
    with pytest.raises(BelowFloor):
        make.live_offer(room, pack=pack, price_minor=8_999)
    assert make.live_offer(room, pack=pack, price_minor=9_000)


def test_a_new_price_below_the_floor_is_asked_twice_and_the_old_one_stays_meanwhile():
    offer = make.live_offer(price_minor=2_590)
    with pytest.raises(BelowFloor):
        offers.reprice(offer, price_minor=259, by=make.user().id, now=MORNING)
    session.refresh(offer)
    assert offer.price_minor == 2_590
    assert offers.reprice(offer, price_minor=259, confirmed=True, by=make.user().id, now=MORNING).price_minor == 259


@pytest.mark.parametrize(
    ("opens", "closes"),
    [(None, -1), (None, 0), (5, 5), (5, 4)],
    ids=["over before it starts", "over at this moment", "empty", "backwards"],
)
def test_a_window_that_cannot_be_is_refused(opens: int | None, closes: int):
    opens_at = None if opens is None else MORNING + opens * MINUTE
    with pytest.raises(WindowBackwards):
        make.live_offer(window=Window(opens_at, MORNING + closes * MINUTE))


def test_a_flash_sale_sells_from_its_first_moment_until_before_its_last():
    offer = make.live_offer(window=Window(MORNING + MINUTE, MORNING + 2 * MINUTE))
    moment = timedelta(microseconds=1)
    with pytest.raises(OfferNotYet):
        checkout.place_one(make.claim((offer, 1)), now=MORNING + MINUTE - moment)
    with pytest.raises(OfferOver):
        checkout.place_one(make.claim((offer, 1)), now=MORNING + 2 * MINUTE)
    checkout.place_one(make.claim((offer, 1)), now=MORNING + MINUTE)
    checkout.place_one(make.claim((offer, 1)), now=MORNING + 2 * MINUTE - moment)
    session.refresh(offer)
    assert offer.held == 2


def test_a_clock_that_jumps_back_closes_the_window_again_and_what_was_sold_stays_sold():
    offer = make.live_offer(window=Window(MORNING + MINUTE))
    checkout.place_one(make.claim((offer, 1)), now=MORNING + MINUTE)
    with pytest.raises(OfferNotYet):
        checkout.place_one(make.claim((offer, 1)), now=MORNING)
    session.refresh(offer)
    assert offer.held == 1
