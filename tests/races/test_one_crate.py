"""One crate, many buyers, real threads and real commits: it is sold once, and nobody waits in a ring."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from core.db import session, transaction
from core.errors import Refusal
from orders import checkout, lifecycle, verify
from orders.claims import Claim, ClaimLine
from orders.orders import Order, OrderStatus
from shop.lots import HarvestLot
from tests import make
from tests.make.shop import MORNING

pytestmark = pytest.mark.usefixtures("race_db")
BUYERS = 12


def prepare(**given):
    with transaction():
        pack = make.pack_with_lot(**given)
        return pack.id, [make.user().id for _buyer in range(BUYERS)], make.address()


def place(claim):
    try:
        with transaction():
            return checkout.place_one(claim, now=MORNING)
    except Refusal as refusal:
        return refusal


def all_at_once(deeds):
    with ThreadPoolExecutor(BUYERS) as pool:
        return list(pool.map(lambda deed: deed(), deeds))


def sold(outcomes):
    return [one for one in outcomes if not isinstance(one, Refusal)]


def test_the_last_crate_is_sold_to_one_of_twelve():
    pack, buyers, to = prepare(low_g=2_500)
    claims = [Claim(buyer, (ClaimLine(1, pack),), to) for buyer in buyers]
    outcomes = all_at_once([lambda claim=claim: place(claim) for claim in claims])
    assert len(sold(outcomes)) == 1
    assert {one.code for one in outcomes if isinstance(one, Refusal)} == {"lot_sold_out"}
    with transaction():
        assert session.scalar(select(func.count()).select_from(Order)) == 1
        assert session.scalars(select(HarvestLot.held_g)).one() == 2_500
        assert verify.run() == []


def test_nothing_is_stranded_when_orders_are_of_different_size():
    pack, buyers, to = prepare(low_g=25_000)
    claims = [Claim(buyer, (ClaimLine(number % 3 + 1, pack),), to) for number, buyer in enumerate(buyers)]
    all_at_once([lambda claim=claim: place(claim) for claim in claims])
    with transaction():
        left = session.scalars(select(HarvestLot.ceiling_g - HarvestLot.held_g)).one()
        assert 0 <= left < 3 * 2_500
        assert verify.run() == []


def test_two_lots_in_opposite_order_never_wait_for_each_other():
    with transaction():
        first = make.pack_with_lot(low_g=250_000)
        farm = first.product.farm
        second = make.pack_with_lot(low_g=250_000, product=make.product(farm=farm))
        buyers, to = [make.user().id for _buyer in range(BUYERS)], make.address()
        one, two = first.id, second.id
    claims = [
        Claim(buyer, tuple(ClaimLine(1, pack) for pack in ((one, two) if number % 2 else (two, one))), to)
        for number, buyer in enumerate(buyers)
    ]
    assert len(sold(all_at_once([lambda claim=claim: place(claim) for claim in claims]))) == BUYERS


def test_a_buyer_with_many_fingers_gets_no_more_than_the_limit():
    pack, buyers, to = prepare(per_buyer_limit=2)
    claims = [Claim(buyers[0], (ClaimLine(1, pack),), to)] * BUYERS
    outcomes = all_at_once([lambda claim=claim: place(claim) for claim in claims])
    assert len(sold(outcomes)) == 2
    assert {one.code for one in outcomes if isinstance(one, Refusal)} == {"over_buyer_limit"}


def test_an_order_that_is_paid_while_it_expires_ends_in_one_of_the_two():
    pack, buyers, to = prepare()
    placed = [place(Claim(buyer, (ClaimLine(1, pack),), to)) for buyer in buyers]

    def pay(one):
        with transaction():
            lifecycle.mark_paid(session.get_one(Order, one.id), now=MORNING)

    def sweep():
        with transaction():
            lifecycle.expire_due(placed[0].pay_by.replace(hour=23), limit=3)

    all_at_once([deed for one in placed for deed in (lambda one=one: pay(one), sweep)])
    with transaction():
        assert {order.status for order in session.scalars(select(Order))} == {OrderStatus.PAID}
        lot = session.scalars(select(HarvestLot)).one()
        assert (lot.held_g, lot.allocated_g) == (0, BUYERS * 2_500)


def test_two_payments_of_one_order_allocate_once():
    pack, buyers, to = prepare()
    placed = place(Claim(buyers[0], (ClaimLine(1, pack),), to))

    def pay():
        try:
            with transaction():
                lifecycle.mark_paid(session.get_one(Order, placed.id), now=MORNING)
                return True
        except Refusal:
            return False

    assert sorted(all_at_once([pay] * 4)) == [False, False, False, True]
    with transaction():
        assert session.scalars(select(HarvestLot.allocated_g)).one() == 2_500
