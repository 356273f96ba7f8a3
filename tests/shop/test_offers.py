"""Offers and their pools: never sold twice, every figure explained by its movements."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, ProgrammingError

from core import db
from core.db import session
from core.errors import IllegalMove
from shop import live, offers, packs, pools, stock
from shop.live import NotOnAir
from shop.offer_movements import OfferCause, OfferMovement
from shop.offers import (
    NumberTaken,
    OfferOutOfBounds,
    OfferStopped,
    OfferUnknown,
    PackOfOtherStation,
    TooManyOffers,
)
from shop.packs import PackStatus, PackStopped
from shop.pools import OfferSoldOut, PoolMismatch
from tests import make
from tests.make.shop import MORNING


def figures(offer):
    session.refresh(offer)
    return offer.pool, offer.held, offer.sold


def moved(offer):
    sums = select(
        func.sum(OfferMovement.pool_delta), func.sum(OfferMovement.held_delta), func.sum(OfferMovement.sold_delta)
    )
    return tuple(session.execute(sums.where(OfferMovement.offer_id == offer.id)).one())


def test_offers_are_numbered_in_the_order_in_which_they_come():
    room = make.live_session()
    assert [make.live_offer(room).number, make.live_offer(room, number=7).number, make.live_offer(room).number] == [
        1,
        7,
        8,
    ]


def test_a_number_means_one_offer():
    room = make.live_session()
    make.live_offer(room, number=3)
    with pytest.raises(NumberTaken):
        make.live_offer(room, number=3)


def test_numbers_end_at_ninety_nine():
    room = make.live_session()
    make.live_offer(room, number=99)
    with pytest.raises(TooManyOffers):
        make.live_offer(room)


@pytest.mark.parametrize("given", [{"price_minor": 0}, {"price_minor": -1}, {"price_minor": 10_000_001}, {"pool": -1}])
def test_an_offer_out_of_bounds_is_refused(given):
    with pytest.raises(OfferOutOfBounds):
        make.live_offer(**given)


@pytest.mark.parametrize("pool", [0, 1, 10_000_000])
def test_any_pool_from_nothing_to_ten_million_will_do(pool):
    offer = make.live_offer(pool=pool)
    assert offers.left([offer.id], now=MORNING)[offer.id] == min(pool, 160)


def test_a_session_sells_what_its_own_station_packs():
    room = make.live_session()
    with pytest.raises(PackOfOtherStation):
        make.live_offer(room, pack=make.pack())


def test_a_stopped_pack_is_not_offered():
    room = make.live_session()
    pack = make.live_pack(room)
    packs.change(pack, {"status": PackStatus.STOPPED}, by=room.host_id, now=MORNING)
    with pytest.raises(PackStopped):
        make.live_offer(room, pack=pack)


def test_nothing_is_added_to_an_ended_session():
    room = make.live_session()
    pack = make.live_pack(room)
    live.end(room, by=room.host_id, now=MORNING)
    with pytest.raises(NotOnAir):
        make.live_offer(room, pack=pack)


def test_reprice_stop_and_reopen_leave_rows_with_the_person():
    offer = make.live_offer()
    by = make.user().id
    offers.reprice(offer, price_minor=1_990, by=by, now=MORNING)
    offers.stop(offer, by=by, now=MORNING + timedelta(minutes=1))
    offers.reopen(offer, by=by, now=MORNING + timedelta(minutes=2))
    rows = session.execute(
        select(OfferMovement.cause, OfferMovement.price_minor)
        .where(OfferMovement.offer_id == offer.id, OfferMovement.by == by)
        .order_by(OfferMovement.at)
    ).all()
    assert [row.cause for row in rows] == [OfferCause.REPRICE, OfferCause.STOP, OfferCause.REOPEN]
    assert rows[0].price_minor == offer.price_minor == 1_990


def test_a_stopped_offer_is_neither_repriced_nor_stopped_again():
    offer = make.live_offer()
    offers.stop(offer, by=make.user().id, now=MORNING)
    with pytest.raises(OfferStopped):
        offers.stop(offer, by=make.user().id, now=MORNING)
    with pytest.raises(OfferStopped):
        offers.reprice(offer, price_minor=2_000, by=make.user().id, now=MORNING)
    assert offers.left([offer.id], now=MORNING) == {offer.id: 0}


def test_an_open_offer_cannot_be_opened():
    with pytest.raises(IllegalMove):
        offers.reopen(make.live_offer(), by=make.user().id, now=MORNING)


def test_left_is_never_more_than_the_lot_can_give():
    room = make.live_session()
    pack = make.live_pack(room, low_g=10_000)
    offer = make.live_offer(room, pack=pack, pool=100)
    assert offers.left([offer.id], now=MORNING) == {offer.id: 4}


def test_left_falls_when_the_shop_window_sells_from_the_same_lot():
    room = make.live_session()
    farm = make.farm(station=make.station_of(room))
    product = make.product(farm=farm)
    lot = make.lot(product=product, low_g=10_000)
    offer = make.live_offer(room, pack=make.pack(product=product))
    stock.hold({lot.id: 7_500}, reference="order", now=MORNING)
    assert offers.left([offer.id], now=MORNING) == {offer.id: 1}


def test_hold_sell_release_and_unsell_explain_every_figure():
    offer = make.live_offer(pool=10)
    pools.hold({offer.id: 6}, reference="a", now=MORNING)
    pools.sell({offer.id: 4}, reference="a", now=MORNING)
    pools.release({offer.id: 2}, reference="a", now=MORNING)
    pools.unsell({offer.id: 1}, reference="a", now=MORNING)
    pools.retake({offer.id: 5}, reference="b", now=MORNING)
    assert figures(offer) == moved(offer) == (10, 0, 8)


def test_the_last_units_sell_to_whoever_asks_for_as_many_as_are_left():
    offer = make.live_offer(pool=3)
    pools.hold({offer.id: 2}, reference="a", now=MORNING)
    with pytest.raises(OfferSoldOut) as refused:
        pools.hold({offer.id: 2}, reference="b", now=MORNING)
    assert refused.value.facts["left"] == 1
    pools.hold({offer.id: 1}, reference="b", now=MORNING)
    assert figures(offer) == (3, 3, 0)


def test_several_offers_are_held_together_or_not_at_all():
    room = make.live_session()
    plenty, scarce = make.live_offer(room, pool=10), make.live_offer(room, pool=1)
    with pytest.raises(OfferSoldOut):
        pools.hold({plenty.id: 1, scarce.id: 2}, reference="a", now=MORNING)
    assert figures(plenty) == (10, 0, 0)


def test_nothing_is_held_before_the_start_after_the_end_or_after_a_stop():
    room = make.live_session(on_air=False)
    offer = make.live_offer(room)
    with pytest.raises(NotOnAir):
        pools.hold({offer.id: 1}, reference="a", now=MORNING)
    live.start(room, by=room.host_id, now=MORNING)
    offers.stop(offer, by=room.host_id, now=MORNING)
    with pytest.raises(OfferStopped):
        pools.hold({offer.id: 1}, reference="a", now=MORNING)
    offers.reopen(offer, by=room.host_id, now=MORNING)
    pools.hold({offer.id: 1}, reference="a", now=MORNING)
    live.end(room, by=room.host_id, now=MORNING)
    with pytest.raises(NotOnAir):
        pools.hold({offer.id: 1}, reference="b", now=MORNING)
    pools.sell({offer.id: 1}, reference="a", now=MORNING)


def test_an_unknown_offer_is_not_found():
    with pytest.raises(OfferUnknown):
        pools.hold({make.missing_id(): 1}, reference="a", now=MORNING)


@pytest.mark.parametrize("verb", [pools.release, pools.sell, pools.unsell])
def test_what_was_not_taken_cannot_be_given_back(verb):
    offer = make.live_offer()
    with pytest.raises(PoolMismatch):
        verb({offer.id: 1}, reference="a", now=MORNING)


@pytest.mark.parametrize("packs_asked", [0, -1])
def test_quantities_are_above_zero(packs_asked):
    with pytest.raises(ValueError, match="above zero"):
        pools.hold({make.live_offer().id: packs_asked}, reference="a", now=MORNING)


def test_the_database_itself_refuses_to_oversell():
    offer = make.live_offer(pool=1)
    offer.held = 2
    with pytest.raises(IntegrityError, match="never_oversold"):
        session.flush()


def test_movements_are_only_ever_added():
    offer = make.live_offer()
    row = session.scalars(select(OfferMovement).where(OfferMovement.offer_id == offer.id)).one()
    row.held_delta = 5
    with pytest.raises(ProgrammingError, match="only ever added"):
        session.flush()


def test_one_pool_is_never_sold_twice_by_many_hands(race_db):
    with db.transaction():
        room = make.live_session()
        first, second = make.live_offer(room, pool=20).id, make.live_offer(room, pool=20).id
    taken = []

    def buy(number):
        order = {first: 1, second: 2} if number % 2 else {second: 2, first: 1}
        for attempt in range(5):
            try:
                with db.transaction():
                    pools.hold(order, reference=f"{number}-{attempt}", now=MORNING)
                taken.append(number)
            except OfferSoldOut:
                continue

    threads = [threading.Thread(target=buy, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.transaction():
        kept = {offer.id: (offer.held, moved(offer)) for offer in offers.of_session(room.id)}
    assert len(taken) == 10
    assert kept == {first: (10, (20, 10, 0)), second: (20, (20, 20, 0))}
