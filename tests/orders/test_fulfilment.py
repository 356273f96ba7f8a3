"""From the paid order to the door and into the books, with the post's own verbs in between."""

import pytest
from sqlalchemy import func, select, text

from core.db import session
from core.permissions import Role
from logistics import acceptance, delivery, forwarding, packing, parcels, reconciliation, runs, staging
from logistics import hand_over as counter
from logistics.branches import Branch
from logistics.delivery import ProofKind
from logistics.labels import issue
from logistics.parcels import Parcel
from logistics.stations import Station
from orders import completion, fulfilment, ledger, lifecycle, moves, settlements, verify
from orders.fulfilment import OrderParcel
from orders.limits import BuyerTake
from orders.orders import Order, OrderStatus
from shop.lots import HarvestLot
from tests import make
from tests.make.shop import MORNING


def boxes(order):
    return fulfilment.parcels_of(order)


def bench(box):
    """Pack, weigh, label, mark and stage one box."""
    packing.pack(box, by=None, now=MORNING)
    packing.weigh(box, gross_g=box.promised_net_g + box.tare_g, by=None, now=MORNING)
    issue.label(box, by=None, now=MORNING)
    acceptance.mark_acceptance(box, real_name=True, inspected=True, screened=True, by=None, now=MORNING)
    staging.stage(box, by=None, now=MORNING)


def carry(order, some=None):
    """Bring boxes of an order from the bench to the branch."""
    there = some or boxes(order)
    for box in there:
        bench(box)
    station = session.get_one(Station, order.station_id)
    bag = make.departed_dispatch(list(there), station, session.get_one(Branch, station.branch_id))
    reconciliation.receive(bag, [box.number for box in there], by=None, now=MORNING)


def hand_over(box):
    session.refresh(box)
    delivery.out_for_delivery(box, by=None, now=MORNING)
    delivery.deliver(box, proof=ProofKind.SIGNED, by=None, now=MORNING)


def lot():
    return session.scalars(select(HarvestLot).execution_options(populate_existing=True)).one()


def test_a_paid_order_becomes_one_parcel_a_pack():
    order = make.paid_order((make.pack_with_lot(), 3), to=make.address(name="向秀英"))
    made = boxes(order)
    assert len(made) == 3
    assert {box.reference for box in made} == {order.number}
    assert {(box.promised_net_g, box.tare_g, box.station_id) for box in made} == {(2_500, 300, order.station_id)}
    assert made[0].contents == "溆浦黄桃 5斤装(净重)"
    assert made[0].phone_tail == "1234"


def test_an_unpaid_order_has_no_parcels():
    assert boxes(make.order()) == []


def test_packing_the_first_box_moves_the_order():
    order = make.paid_order((make.pack_with_lot(), 2))
    packing.pack(boxes(order)[0], by=None, now=MORNING)
    session.refresh(order)
    assert order.status is OrderStatus.PACKING


def test_an_order_is_shipped_with_its_last_box_and_the_grams_leave_the_lot():
    order = make.paid_order((make.pack_with_lot(), 2))
    first, second = boxes(order)
    carry(order, [first])
    assert (order.status, lot().allocated_g, lot().shipped_g) == (OrderStatus.PACKING, 2_500, 2_500)
    carry(order, [second])
    session.refresh(order)
    assert (order.status, lot().allocated_g, lot().shipped_g) == (OrderStatus.SHIPPED, 0, 5_000)


def test_a_delivered_order_completes_and_its_money_is_shared_out_to_the_fen():
    order = make.paid_order((make.live_offer(price_minor=2_999, pool=9), 2))
    carry(order)
    for box in boxes(order):
        hand_over(box)
    session.refresh(order)
    assert order.status is OrderStatus.COMPLETED
    assert order.completed_at == MORNING
    sums = ledger.trial_balance()
    assert sums["cash"] == 5_998
    assert sums["buyer"] == 0
    assert sums["carrier"] == -1_400  # two boxes of 3,000 g inside the province
    assert sum(sums.values()) == 0
    assert {"farm", "station", "host", "branch", "platform"} < sums.keys()
    assert verify.run() == []


def test_an_order_whose_boxes_are_signed_for_at_the_village_completes_as_any_other():
    order = make.paid_order((make.pack_with_lot(), 2), to=make.address(region_code="431224106"))
    carry(order)
    station = session.get_one(Station, order.station_id)
    branch = session.get_one(Branch, station.branch_id)
    numbers = [box.number for box in boxes(order)]
    bag = forwarding.send_on(station, numbers, by=None, now=MORNING)
    van = make.run(branch, station)
    runs.load(van, numbers, by=None, now=MORNING)
    runs.depart(van, by=None, now=MORNING)
    reconciliation.receive(bag, numbers, by=None, now=MORNING)
    assert (lot().allocated_g, lot().shipped_g) == (0, 5_000), "what left once has not left again"
    keeper = make.keeper(station)
    for number in numbers:
        counter.hand_over(station, number, proof=ProofKind.SIGNED, by=keeper.id, now=MORNING)
    session.refresh(order)
    assert order.status is OrderStatus.COMPLETED
    assert verify.run() == []


def test_what_waits_to_go_on_to_the_village_comes_too_late_for_a_refund():
    order = make.paid_order((make.pack_with_lot(), 1), to=make.address(region_code="431224106"))
    carry(order)
    station = session.get_one(Station, order.station_id)
    forwarding.send_on(station, [boxes(order)[0].number], by=None, now=MORNING)
    assert not fulfilment.withdraw(order, now=MORNING, by=None, reason="quality")
    assert boxes(order)[0].status == "forwarded"


def test_news_that_comes_twice_is_counted_once():
    order = make.paid_order()
    carry(order)
    box = boxes(order)[0]
    hand_over(box)
    for hear in (fulfilment.hear_dispatched, fulfilment.hear_delivered):
        hear(box, now=MORNING)
    assert lot().shipped_g == 2_500
    assert verify.run() == []


def test_a_box_that_the_station_took_back_is_packed_anew():
    order = make.paid_order()
    old = boxes(order)[0]
    parcels.cancel(old, by=None, now=MORNING, reason="箱子破了")
    (new,) = boxes(order)
    assert new.number != old.number
    assert new.reference == order.number
    assert lot().allocated_g == 2_500


def test_what_is_withdrawn_before_it_left_goes_back_on_the_shelf():
    buyer, pack = make.user(), make.pack_with_lot(per_buyer_limit=5)
    order = make.paid_order((pack, 2), buyer=buyer)
    assert fulfilment.withdraw(order, now=MORNING, by=None, reason="退款")
    assert boxes(order) == []
    assert (lot().allocated_g, lot().held_g) == (0, 0)
    assert set(session.scalars(select(BuyerTake.quantity))) == {0}
    assert {box.status for box in session.scalars(select(Parcel))} == {"cancelled"}


def test_what_has_left_cannot_be_withdrawn():
    order = make.paid_order((make.pack_with_lot(), 2))
    carry(order, [boxes(order)[0]])
    assert not fulfilment.withdraw(order, now=MORNING, by=None, reason="退款")
    assert len(boxes(order)) == 1
    assert lot().shipped_g == 2_500
    assert lot().allocated_g == 0


def test_a_box_on_the_van_comes_too_late_for_a_refund():
    order = make.paid_order((make.pack_with_lot(), 2))
    first, _second = boxes(order)
    bench(first)
    station = session.get_one(Station, order.station_id)
    make.closed_dispatch([first], station)
    runs.load(make.run(session.get_one(Branch, station.branch_id), station), first.number, by=None, now=MORNING)
    assert not fulfilment.withdraw(order, now=MORNING, by=None, reason="退款")
    assert [box.number for box in boxes(order)] == [first.number]
    assert lot().allocated_g == 2_500


def test_a_sale_without_an_address_is_never_sent():
    order = make.order()
    session.execute(text("UPDATE orders SET detail_sealed = NULL"))
    session.refresh(order)
    lifecycle.mark_paid(order, now=MORNING)
    assert session.scalar(select(func.count()).select_from(OrderParcel)) == 0


def test_what_is_owed_is_read_from_the_books():
    order = make.paid_order()
    moves.move([order.id], OrderStatus.SHIPPED, now=MORNING)
    moves.move([order.id], OrderStatus.DELIVERED, now=MORNING)
    completion.complete(order, now=MORNING)
    owed = settlements.owed(make.who(make.user(roles=[Role.PROVINCE])))
    by_party = {one.party: one for one in owed}
    assert by_party.keys() == {"farm", "station", "branch"}
    assert by_party["farm"].name == "向大山家"
    assert by_party["farm"].owed_minor == 2_130  # 93 percent of what freight leaves
    assert sum(one.owed_minor for one in owed) + 700 + 23 == order.total_minor


def test_a_completed_order_is_never_shared_out_twice():
    order = make.order()
    with pytest.raises(Exception, match="不能变成"):
        completion.complete(order, now=MORNING)
    assert session.get_one(Order, order.id).status is OrderStatus.AWAITING_PAYMENT
