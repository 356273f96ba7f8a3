"""What a session sold, when, and while the host talked about what."""

from datetime import timedelta

import pytest

from core.db import session
from orders import cash, lifecycle, segments, session_report
from orders.orders import Order
from shop import live, offers
from shop.offers import OfferStopped
from shop.pools import OfferSoldOut
from tests import make
from tests.make.shop import MORNING

MINUTE = timedelta(minutes=1)
NET_G = 2_500


@pytest.fixture
def room():
    return make.live_session()


@pytest.fixture
def pack(room):
    return make.live_pack(room, low_g=4_000_000)


def offer_of(room, pack, **given):
    return make.live_offer(room, pack=pack, **given)


def pin(room, offer, at):
    offers.pin(room, offer.id if offer else None, by=room.host_id, now=at)


def pay(order):
    cash.take(order, given_minor=order.total_minor, by=make.user().id, now=MORNING)
    return order


def test_the_pin_of_the_moment_is_the_segment_whatever_was_ordered(room, pack):
    three, five = offer_of(room, pack), offer_of(room, pack)
    pin(room, three, MORNING)
    pin(room, five, MORNING + MINUTE)
    pin(room, None, MORNING + 2 * MINUTE)
    during, on_the_dot, after = (
        make.order((three, 1), now=MORNING + passed) for passed in (MINUTE / 2, MINUTE, 2 * MINUTE)
    )
    assert segments.of_order(during).number == three.number
    assert segments.of_order(during).ends_at == MORNING + MINUTE
    assert segments.of_order(on_the_dot).offer_id == five.id
    assert segments.of_order(after) is None


def test_an_order_before_the_first_pin_or_by_no_session_has_no_segment(room, pack):
    offer = offer_of(room, pack)
    early = make.order((offer, 1), now=MORNING)
    pin(room, offer, MORNING + MINUTE)
    assert segments.of_order(early) is None
    assert segments.of_order(make.order((pack, 1), now=MORNING + MINUTE)) is None


def test_the_report_counts_what_was_kept_and_names_what_was_lost(room, pack):
    first, second = offer_of(room, pack), offer_of(room, pack, price_minor=3_000)
    pin(room, first, MORNING)
    paid = pay(make.order((first, 2), (second, 1), now=MORNING + MINUTE))
    make.order((second, 1), now=MORNING + MINUTE)
    gone = make.order((first, 5), now=MORNING + 2 * MINUTE)
    lifecycle.cancel(gone, by=gone.buyer_id, now=MORNING + 2 * MINUTE)
    make.order((make.pack_with_lot(), 7))
    report = session_report.of_session(room.id, now=MORNING + 3 * MINUTE)
    assert (report.orders, report.unpaid_orders, report.lost_orders) == (2, 1, 1)
    assert (report.packs, report.net_g) == (4, 4 * NET_G)
    assert report.gross_minor == report.net_minor == paid.total_minor == 2 * 2_590 + 3_000
    assert (report.peak_orders, report.peak_at) == (2, MORNING + MINUTE)
    assert [(row.number, row.orders, row.packs) for row in report.offers] == [
        (first.number, 1, 2),
        (second.number, 2, 2),
    ]
    assert [(row.number, row.orders) for row in report.segments] == [(first.number, 2)]
    assert report.boxes_to_pack == 3


def test_boxes_that_missed_their_van_are_late(room, pack):
    pay(make.order((offer_of(room, pack), 2)))
    assert session_report.of_session(room.id, now=MORNING).late_boxes == 0
    assert session_report.of_session(room.id, now=MORNING + timedelta(days=9)).late_boxes == 2


def test_a_session_without_orders_has_a_report_of_noughts(room):
    report = session_report.of_session(room.id, now=MORNING)
    assert (report.orders, report.packs, report.net_minor, report.peak_orders, report.peak_at) == (0, 0, 0, 0, None)
    assert (list(report.offers), list(report.segments)) == ([], [])


def test_sold_out_ends_the_pool_at_what_is_taken_and_keeps_what_is_promised(room, pack):
    offer = offer_of(room, pack, pool=50)
    order = make.order((offer, 3))
    offers.sold_out(offer, by=room.host_id, now=MORNING)
    assert (offer.pool, offer.held, offer.sold) == (3, 3, 0)
    with pytest.raises(OfferSoldOut):
        make.order((offer, 1))
    pay(session.get_one(Order, order.id))
    offers.sold_out(offer, by=room.host_id, now=MORNING)
    session.refresh(offer)
    assert (offer.pool, offer.held, offer.sold) == (3, 0, 3)


def test_a_stopped_offer_is_not_called_sold_out(room, pack):
    offer = offer_of(room, pack)
    offers.stop(offer, by=room.host_id, now=MORNING)
    with pytest.raises(OfferStopped):
        offers.sold_out(offer, by=room.host_id, now=MORNING)


def test_the_report_stays_after_the_session(room, pack):
    make.order((offer_of(room, pack), 1))
    live.end(room, by=room.host_id, now=MORNING + MINUTE)
    assert session_report.of_session(room.id, now=MORNING + MINUTE).orders == 1
