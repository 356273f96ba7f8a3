"""Freight: what the tariff asks for the very way and weight, frozen at the sale, borne in the books to the fen."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from core.db import engine, session
from logistics import tariffs
from orders import cash, checkout, completion, ledger, moves
from orders.orders import OrderLine, OrderStatus
from orders.splits import LineSplit, Party
from tests import make
from tests.make.shop import MORNING

SHENZHEN, URUMQI = "440306", "650102"


@pytest.fixture(autouse=True)
def tariff():
    """The prices that the project brings along, and the regions that they name."""
    return tariffs.publish(tariffs.default(), valid_from=MORNING - timedelta(days=1), by=None, now=MORNING)


def parts_of(order):
    query = select(LineSplit).join(OrderLine, OrderLine.id == LineSplit.line_id)
    return {part.party: part for part in session.scalars(query.where(OrderLine.order_id == order.id))}


def sold_to(region_code, *, quantity=1, **pack):
    return make.order((make.pack_with_lot(**pack), quantity), to=make.address(region_code=region_code))


def delivered(order):
    for status in (OrderStatus.PACKING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        moves.move([order.id], status, now=MORNING)
    completion.complete(order, now=MORNING)


def test_a_box_to_the_next_province_pays_its_first_and_continued_weight():
    order = sold_to(SHENZHEN, quantity=2)  # 2,500 g and 300 g of box: 3,000 g at 700 + 2 × 200
    assert parts_of(order)[Party.FREIGHT].amount_minor == 2 * 1_100
    assert sum(part.amount_minor for part in parts_of(order).values()) == order.total_minor


def test_the_quote_of_the_sale_stays_when_the_tariff_changes():
    order = sold_to(SHENZHEN)
    dearer = tariffs.default()
    dearer["zones"] = [zone | {"first_minor": zone["first_minor"] + 500} for zone in dearer["zones"]]
    tariffs.publish(dearer | {"name": "涨价"}, valid_from=MORNING + timedelta(hours=1), by=None, now=MORNING)
    later = MORNING + timedelta(hours=2)
    second = make.order((make.pack_with_lot(), 1), to=make.address(region_code=SHENZHEN), now=later)
    assert [parts_of(one)[Party.FREIGHT].amount_minor for one in (order, second)] == [1_100, 1_600]


def test_a_way_that_the_tariff_does_not_know_has_the_fixed_sum_of_the_rule():
    assert parts_of(sold_to(SHENZHEN, net_g=60_000))[Party.FREIGHT].amount_minor == 600


def test_what_freight_asks_beyond_the_price_is_borne_by_the_house_in_the_books():
    order = sold_to(URUMQI)  # 3,000 g at 1,800 + 2 × 1,300 for peaches of 2,990
    assert {party: part.amount_minor for party, part in parts_of(order).items()} == {Party.FREIGHT: 2_990}
    assert parts_of(order)[Party.FREIGHT].quote_minor == 4_400
    cash.take(order, given_minor=2_990, by=make.user().id, now=MORNING)
    delivered(order)
    assert ledger.balances(["carrier:freight", "platform"]) == {"carrier:freight": -4_400, "platform": 1_410}
    assert ledger.balance(f"buyer:{order.buyer_id}") == 0


def test_many_lines_are_quoted_without_a_question_more():
    packs = [make.pack_with_lot()]
    packs += [make.pack_with_lot(product=make.product(farm=packs[0].product.farm)) for _more in range(4)]
    to = make.address(region_code=SHENZHEN)

    def statements(lines):
        asked = []
        claim = make.claim(*lines, to=to)
        listen = lambda *args: asked.append(args[2])  # noqa: E731
        event.listen(engine(), "before_cursor_execute", listen)
        try:
            checkout.place_one(claim, now=MORNING)
        finally:
            event.remove(engine(), "before_cursor_execute", listen)
        return len(asked)

    statements([(packs[0], 1)])
    one, five = statements([(packs[0], 1)]), statements([(pack, 1) for pack in packs])
    assert one == five > 0
