"""Damage to live sale, wholesale or a shelf is found by name, and mended where it can be derived."""

import pytest
from sqlalchemy import text

from core.db import session
from shop import offers, pools, receipts, verify_live, verify_wholesale, wholesale
from shop.receipts import Count
from tests import make
from tests.make.shop import MORNING


def broken():
    found = {}
    for checks in (verify_live.checks, verify_wholesale.checks):
        for name, query in checks():
            if rows := session.execute(text(query)).all():
                found[name] = len(rows)
    return found


@pytest.fixture(autouse=True)
def _lives():
    """A session with sales behind it, and an order that was counted in."""
    room = make.live_session()
    offer = make.live_offer(room, pool=10)
    offers.pin(room, offer.id, by=room.host_id, now=MORNING)
    pools.hold({offer.id: 4}, reference="a", now=MORNING)
    pools.sell({offer.id: 3}, reference="a", now=MORNING)
    keeper = make.keeper()
    order = make.wholesale_order(keeper=keeper)
    wholesale.confirm(order, by=keeper.id, now=MORNING)
    wholesale.ship(order, by=keeper.id, now=MORNING)
    receipts.receive(order, [(order.lines[0].barcode, Count(100, 3))], by=keeper.id, now=MORNING)
    session.flush()


def test_true_books_have_nothing_to_report():
    assert broken() == {}


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        ("UPDATE live_offers SET held = held + 1", "offer figures are the sums of their movements"),
        ("UPDATE live_offers SET price_minor = 1", "an offer's price is the last that was set"),
        ("UPDATE live_sessions SET pinned_offer_id = NULL", "what is pinned is the last that was pinned"),
        (
            "UPDATE supply_tiers SET price_minor = 9999 WHERE from_cases = 20",
            "no price of goods rises with the quantity",
        ),
        ("UPDATE supply_offers SET min_cases = 1", "tiers of goods begin at the smallest order"),
        (
            "UPDATE wholesale_orders SET total_minor = total_minor + 1",
            "the total of a wholesale order is that of its lines",
        ),
        (
            "UPDATE wholesale_orders SET status = 'cancelled', payable_minor = NULL",
            "a wholesale order stands where its last step led",
        ),
        ("UPDATE shelf_stock SET on_hand_units = 7", "shelf stock is the sum of its movements"),
    ],
)
def test_damage_is_found_by_name(damage, name):
    session.execute(text(damage))
    assert name in broken()


def test_what_happens_in_one_instant_is_no_damage():
    room = make.live_session()
    offer = make.live_offer(room)
    offers.pin(room, offer.id, by=room.host_id, now=MORNING)
    offers.pin(room, None, by=room.host_id, now=MORNING)
    offers.reprice(offer, price_minor=5, confirmed=True, by=room.host_id, now=MORNING)
    session.flush()
    assert broken() == {}


@pytest.mark.parametrize(
    ("damage", "repairs"),
    [
        ("UPDATE live_offers SET held = 0, sold = 0", verify_live.repairs()),
        ("UPDATE shelf_stock SET on_hand_units = 7", verify_wholesale.repairs()),
    ],
)
def test_what_can_be_derived_is_mended(damage, repairs):
    session.execute(text(damage))
    for mend in repairs.values():
        session.execute(text(mend))
    assert broken() == {}
