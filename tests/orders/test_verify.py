"""Verify finds what is broken, names it, and mends what can be derived."""

from datetime import date

import pytest
from sqlalchemy import text

from core.db import session
from orders import commands, lifecycle, moves, verify
from orders.orders import OrderStatus
from shop.presale import ShipWindow
from tests import make
from tests.make.shop import MORNING


def broken():
    return {one.check: one for one in verify.run()}


def spoil(sql):
    """What no verb can do: change rows behind the back of the rules."""
    session.execute(text("SET LOCAL xiaoxiang.repair = 'on'"))
    session.execute(text(sql))


def test_a_sound_house_has_nothing_broken():
    make.order()
    make.paid_order((make.live_offer(pool=5, per_buyer_limit=3), 2))
    money_that_no_test_paid = {
        "a buyer's account holds what was paid and not yet delivered",
        "an order is paid exactly when one payment is kept for it",
    }
    assert broken().keys() <= money_that_no_test_paid


def test_every_invariant_is_asked_of_an_empty_house():
    assert verify.run() == []
    assert len(list(verify.all_checks())) >= 20


@pytest.mark.parametrize("sql", ["UPDATE parcels SET pack_from = '2026-08-13'", "UPDATE orders SET ships_from = NULL"])
def test_a_box_that_waits_for_other_days_than_were_agreed_is_named(sql):
    days = ShipWindow(date(2026, 8, 20), date(2026, 8, 25))
    pack = make.pack(ships=days)
    make.lot(product=pack.product, ready_on=days.ships_from, best_before=days.ships_by)
    order = make.paid_order((pack, 1))
    check = "the boxes of a presale wait for the days that were agreed"
    assert check not in broken()
    spoil(sql.replace("NULL", "NULL, ships_by = NULL"))
    assert broken()[check].rows[0].endswith(order.number)


@pytest.mark.parametrize(
    ("check", "sql"),
    [
        ("an order's total and refund are those of its lines", "UPDATE orders SET total_minor = total_minor + 1"),
        ("the shares of a line add up to its total", "UPDATE line_splits SET amount_minor = amount_minor + 1"),
        ("an order's moves lead step by step to where it is", "UPDATE orders SET status = 'cancelled'"),
        (
            "a lot holds and has allocated what its orders wait for",
            "DELETE FROM line_splits; UPDATE orders SET status = 'expired'",
        ),
        ("an order's moves lead step by step to where it is", "UPDATE order_moves SET was = 'paid'"),
        ("buyers' limits count the orders that there are", "UPDATE buyer_takes SET quantity = quantity + 1"),
    ],
)
def test_what_is_broken_is_named(check, sql):
    order = make.order((make.pack_with_lot(per_buyer_limit=3), 1))
    for one in sql.split(";"):
        spoil(one)
    found = broken()
    assert check in found
    assert found[check].count >= 1
    assert any(str(order.id) in row or order.number in row or row for row in found[check].rows)


def test_a_paid_order_without_its_parcels_is_found():
    order = make.order()
    moves.move([order.id], OrderStatus.PAID, now=MORNING)
    assert order.number in broken()["a paid order has a parcel for each of its packs"].rows[0]


def test_what_can_be_derived_is_mended():
    make.order((make.pack_with_lot(per_buyer_limit=3), 1))
    spoil("UPDATE buyer_takes SET quantity = 9")
    (mended,) = verify.run(repair=True)
    assert mended.mended
    assert verify.run() == []


def test_many_broken_rows_are_counted_and_the_first_are_named():
    pack = make.pack_with_lot()
    for _buyer in range(25):
        make.order((pack, 1))
    spoil("UPDATE orders SET refunded_minor = 1")
    found = broken()["an order's total and refund are those of its lines"]
    assert (found.count, len(found.rows)) == (25, verify.NAMED_MAX)


def test_the_command_says_what_is_broken_and_fails(capsys):
    order = make.order()
    session.commit()
    assert commands.run_verify([]) == 0
    spoil("UPDATE orders SET refunded_minor = 1")
    session.commit()
    assert commands.run_verify([]) == 1
    assert order.number in capsys.readouterr().out


def test_an_expired_order_leaves_nothing_held():
    make.order((make.live_offer(pool=5, per_buyer_limit=3), 2))
    lifecycle.expire_due(MORNING.replace(hour=12))
    assert verify.run() == []
