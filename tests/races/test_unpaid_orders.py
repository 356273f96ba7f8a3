"""Nobody keeps a harvest from the others by orders that he does not pay."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.db import session, transaction
from core.errors import Refusal
from orders import cash, checkout, lifecycle, verify
from orders.limits import OPEN_MAX, BuyerTake, TooManyUnpaid
from orders.orders import Order, OrderStatus
from orders.placed import Placed
from tests import make
from tests.make.shop import MORNING

pytestmark = pytest.mark.usefixtures("race_db")


@pytest.fixture
def buyer():
    with transaction():
        return make.user()


@pytest.fixture
def claim(buyer):
    with transaction():
        return make.claim((make.pack_with_lot(low_g=2_500_000), 1), buyer=buyer)


def place(claim):
    with transaction():
        return checkout.place_one(claim, now=MORNING).id


def waiting(buyer):
    with transaction():
        return session.get_one(BuyerTake, (buyer.id, buyer.id)).quantity


def siege(claim):
    return [place(claim) for _order in range(OPEN_MAX)]


def test_a_buyer_holds_only_so_many_unpaid_orders_and_others_go_on(buyer, claim):
    siege(claim)
    with pytest.raises(TooManyUnpaid, match=str(OPEN_MAX)):
        place(claim)
    with transaction():
        other = make.claim((make.pack_with_lot(), 1))
    assert place(other)
    with transaction():
        assert verify.run() == []


def test_in_one_set_only_as_many_of_one_buyer_as_he_may_hold(claim):
    with transaction():
        outcomes = checkout.place([claim] * (OPEN_MAX + 3), now=MORNING)
    assert [type(one) for one in outcomes] == [Placed] * OPEN_MAX + [TooManyUnpaid] * 3


def test_of_thirty_at_once_only_as_many_come_through(buyer, claim):
    def attempt(_number):
        try:
            return place(claim)
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(attempt, range(30)))
    refused = [one for one in outcomes if isinstance(one, Refusal)]
    assert (len(refused), {type(one) for one in refused}) == (30 - OPEN_MAX, {TooManyUnpaid})
    with transaction():
        assert len(session.scalars(select(Order)).all()) == OPEN_MAX
        assert verify.run() == []


@pytest.mark.parametrize("end", ["paid", "cancelled", "expired"])
def test_an_order_that_ends_waiting_makes_room_for_another(buyer, claim, end):
    first = siege(claim)[0]
    with transaction():
        order = session.get_one(Order, first)
        if end == "paid":
            cash.take(order, given_minor=2_990, by=make.user().id, now=MORNING)
        elif end == "cancelled":
            lifecycle.cancel(order, by=buyer.id, now=MORNING)
        else:
            order.pay_by = MORNING - timedelta(seconds=1)
            session.flush()
            assert lifecycle.expire_due(MORNING) == 1
    assert waiting(buyer) == OPEN_MAX - 1
    place(claim)
    with pytest.raises(TooManyUnpaid):
        place(claim)
    with transaction():
        assert verify.run() == []


def test_a_payment_that_came_late_counts_nothing_twice(buyer, claim):
    first = place(claim)
    late = MORNING + checkout.HOLD + timedelta(minutes=1)
    with transaction():
        assert lifecycle.expire_due(late) == 1
    with transaction():
        lifecycle.mark_paid(session.get_one(Order, first), now=late)
    assert waiting(buyer) == 0
    with transaction():
        assert session.get_one(Order, first).status is OrderStatus.PAID


def test_a_wrong_count_is_found_and_mended(buyer, claim):
    place(claim)
    with transaction():
        session.execute(update(BuyerTake).where(BuyerTake.buyer_id == buyer.id).values(quantity=7))
    with transaction():
        assert [broken.check for broken in verify.run()] == ["buyers' limits count the orders that there are"]
        assert [broken.mended for broken in verify.run(repair=True)] == [True]
    assert waiting(buyer) == 1
