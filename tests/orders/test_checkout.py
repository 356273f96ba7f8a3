"""Placing orders: what is held, what is refused, and that a refusal leaves nothing behind."""

from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from core import sealed
from core.db import engine, session
from core.errors import Refusal
from logistics.branches import Branch
from logistics.stations import Station
from orders import checkout, ledger
from orders.checkout import HOLD, LinesOfSeveralStations, Placed
from orders.claims import BasketEmpty, BasketTooLong, Claim, ClaimLine, LineUnclear, QuantityImpossible
from orders.limits import BuyerTake, OverBuyerLimit
from orders.orders import Channel, Order, OrderLine, OrderMove, OrderStatus
from orders.splits import LineSplit
from shop import packs
from shop.lots import HarvestLot, LotPastDate, LotSoldOut
from shop.movements import StockMovement
from shop.packs import PackStatus, PackStopped, PackUnknown
from tests import make
from tests.make.shop import MORNING


def test_an_order_holds_its_goods_for_a_quarter_of_an_hour():
    pack = make.pack_with_lot(low_g=10_000)
    placed = checkout.place_one(make.claim((pack, 3)), now=MORNING)
    order = session.get_one(Order, placed.id)
    lot = session.scalars(select(HarvestLot)).one()
    assert (order.status, order.total_minor, order.pay_by) == (OrderStatus.AWAITING_PAYMENT, 8_970, MORNING + HOLD)
    assert (lot.held_g, lot.left_g) == (7_500, 2_500)
    assert session.scalars(select(StockMovement).where(StockMovement.cause == "hold")).one().reference == order.number


def test_an_order_leaves_a_row_of_its_first_step():
    buyer = make.user()
    order = make.order(buyer=buyer)
    first = session.scalars(select(OrderMove)).one()
    assert (first.order_id, first.was, first.became, first.by) == (
        order.id,
        None,
        OrderStatus.AWAITING_PAYMENT,
        buyer.id,
    )


def test_a_number_carries_branch_and_business_day():
    order = make.order()
    code = session.scalar(select(Branch.code).join(Station).where(Station.id == order.station_id))
    assert order.number.startswith(f"{code}260813")
    assert len(order.number) == 19
    assert order.number.isdigit()


def test_the_recipient_is_sealed_to_the_order():
    order = make.order(to=make.address(name="向秀英"))
    assert sealed.open_field(order, "name") == "向秀英"
    assert order.phone_tail == "1234"
    assert "秀英".encode() not in order.name_sealed


def test_several_packs_of_one_lot_are_summed():
    small = make.pack_with_lot(low_g=10_000)
    big = make.pack(product=small.product, name="10斤装(净重)", net_g=5_000, price_minor=5_500)
    checkout.place_one(make.claim((small, 2), (big, 1)), now=MORNING)
    assert session.scalars(select(HarvestLot)).one().held_g == 10_000


def test_two_lines_of_one_lot_that_only_fit_singly_are_refused():
    pack = make.pack_with_lot(low_g=5_000)
    with pytest.raises(LotSoldOut):
        checkout.place_one(make.claim((pack, 1), (pack, 2)), now=MORNING)


def test_the_last_crate_is_sold_once():
    pack = make.pack_with_lot(low_g=2_500)
    checkout.place_one(make.claim((pack, 1)), now=MORNING)
    with pytest.raises(LotSoldOut) as refused:
        checkout.place_one(make.claim((pack, 1)), now=MORNING)
    assert refused.value.facts["left_g"] == 0


def test_a_second_lot_is_taken_when_the_first_has_too_little():
    pack = make.pack_with_lot(low_g=2_500)
    later = make.lot(product=pack.product, low_g=50_000, best_before=MORNING.date() + timedelta(days=9))
    order = make.order((pack, 2))
    assert session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one().lot_id == later.id


@pytest.mark.parametrize("quantity", [0, -1, 1_000, 10**30])
def test_impossible_quantities_are_refused(quantity):
    with pytest.raises(QuantityImpossible):
        checkout.place_one(make.claim((make.pack_with_lot(), quantity)), now=MORNING)


def test_an_empty_basket_is_refused():
    with pytest.raises(BasketEmpty):
        checkout.place_one(make.claim(), now=MORNING)


def test_a_basket_has_an_end():
    pack = make.pack_with_lot()
    with pytest.raises(BasketTooLong):
        checkout.place_one(make.claim(*[(pack, 1)] * 51), now=MORNING)


def test_a_line_names_a_pack_or_an_offer():
    for line in (ClaimLine(1), ClaimLine(1, pack_id=make.missing_id(), offer_id=make.missing_id())):
        with pytest.raises(LineUnclear):
            checkout.place_one(Claim(make.user().id, (line,), make.address()), now=MORNING)


def test_an_unknown_pack_is_refused():
    pack = make.pack_with_lot()
    with pytest.raises(PackUnknown):
        checkout.place_one(
            Claim(make.user().id, (ClaimLine(1, pack.id), ClaimLine(1, make.missing_id())), make.address()), now=MORNING
        )


def test_a_stopped_pack_is_refused():
    pack = make.pack_with_lot()
    packs.change(pack, {"status": PackStatus.STOPPED}, by=make.user().id, now=MORNING)
    with pytest.raises(PackStopped):
        checkout.place_one(make.claim((pack, 1)), now=MORNING)


def test_a_lot_past_its_date_is_not_sold():
    pack = make.pack_with_lot()
    with pytest.raises(LotPastDate):
        checkout.place_one(make.claim((pack, 1)), now=MORNING + timedelta(days=6))


def test_an_order_leaves_from_one_station():
    with pytest.raises(LinesOfSeveralStations):
        checkout.place_one(make.claim((make.pack_with_lot(), 1), (make.pack_with_lot(), 1)), now=MORNING)


def test_a_buyer_gets_no_more_than_the_limit():
    buyer, pack = make.user(), make.pack_with_lot(per_buyer_limit=2)
    checkout.place_one(make.claim((pack, 1), buyer=buyer), now=MORNING)
    with pytest.raises(OverBuyerLimit):
        checkout.place_one(make.claim((pack, 2), buyer=buyer), now=MORNING)
    checkout.place_one(make.claim((pack, 1), buyer=buyer), now=MORNING)
    assert session.get_one(BuyerTake, (buyer.id, pack.id)).quantity == 2


def test_the_limit_is_each_buyers_own():
    pack = make.pack_with_lot(per_buyer_limit=1)
    for _buyer in range(3):
        checkout.place_one(make.claim((pack, 1)), now=MORNING)


def test_one_bad_claim_does_not_spoil_another():
    pack = make.pack_with_lot(low_g=5_000)
    claims = [make.claim((pack, 1)), make.claim((pack, 2)), make.claim(), make.claim((pack, 1))]
    outcomes = checkout.place(claims, now=MORNING)
    assert [type(one) for one in outcomes] == [Placed, LotSoldOut, BasketEmpty, Placed]
    assert session.scalar(select(func.count()).select_from(Order)) == 2
    assert session.scalars(select(HarvestLot)).one().left_g == 0


def test_a_buyers_second_claim_in_a_set_sees_the_limit_that_the_first_has_used():
    buyer, pack = make.user(), make.pack_with_lot(per_buyer_limit=1)
    outcomes = checkout.place([make.claim((pack, 1), buyer=buyer), make.claim((pack, 1), buyer=buyer)], now=MORNING)
    assert [type(one) for one in outcomes] == [Placed, OverBuyerLimit]


def test_a_live_offer_sells_at_its_own_price_from_its_own_pool():
    offer = make.live_offer(price_minor=1_990, pool=5)
    order = make.order((offer, 2))
    session.refresh(offer)
    assert (order.total_minor, order.channel, order.session_id) == (3_980, Channel.LIVE, offer.session_id)
    assert (offer.held, offer.sold) == (2, 0)


def test_the_shares_of_a_line_add_up_to_its_total():
    order = make.order((make.live_offer(price_minor=1_999, pool=9), 3))
    parts = session.scalars(select(LineSplit)).all()
    assert sum(part.amount_minor for part in parts) == order.total_minor
    assert {part.party for part in parts} == {"farm", "station", "host", "branch", "freight", "platform"}


def test_a_refused_order_leaves_nothing():
    pack = make.pack_with_lot(low_g=2_500, per_buyer_limit=9)
    session.commit()
    with pytest.raises(Refusal), session.begin_nested():
        checkout.place_one(make.claim((pack, 3)), now=MORNING)
    for table in (Order, OrderLine, OrderMove, LineSplit, BuyerTake, ledger.Entry):
        assert session.scalar(select(func.count()).select_from(table)) == 0


def test_an_order_costs_a_handful_of_statements():
    claim = make.claim((make.pack_with_lot(), 1))
    session.flush()
    seen = []
    event.listen(engine(), "before_cursor_execute", lambda *facts: seen.append(facts[2]))
    checkout.place_one(claim, now=MORNING)
    assert len(seen) <= 7, seen


def test_a_hundred_orders_cost_as_many_statements_as_one():
    pack = make.pack_with_lot(low_g=250_000)
    claims = [make.claim((pack, 1)) for _buyer in range(100)]
    session.flush()
    seen = []
    event.listen(engine(), "before_cursor_execute", lambda *facts: seen.append(facts[2]))
    assert all(isinstance(one, Placed) for one in checkout.place(claims, now=MORNING))
    assert len(seen) <= 7, seen
