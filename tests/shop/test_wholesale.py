"""Wholesale: ordered by the case, brought by the van, counted by the unit; nothing is lost in between."""

import re
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.db import session
from core.errors import IllegalMove
from logistics import acceptance, parcels, staging
from logistics.moves import ParcelStatus
from logistics.parcels import Kind, Parcel
from logistics.scans import Code
from shop import events, receipts, restocking, shelf, suppliers, supply, wholesale
from shop.receipts import Count, CountNegative, MoreThanOrdered, NotOrdered
from shop.restocking import BelowSmallestOrder, OrderEmpty, SeveralSuppliers, StationMissing, TooManyCases
from shop.shelf import ShelfStock
from shop.supply import SupplyOfferUnknown, SupplyStatus, SupplyStopped
from shop.wholesale import NEXT, WholesaleMove, WholesaleOrderUnknown, WholesaleStatus
from tests import make
from tests.make.shop import MORNING
from tests.shop.test_live import who

S = WholesaleStatus


def shipped(lines=None):
    """An order on its way, and its keeper."""
    keeper = make.keeper()
    order = make.wholesale_order(lines, keeper=keeper)
    supplier = make.user().id
    wholesale.confirm(order, by=supplier, now=MORNING)
    return wholesale.ship(order, by=supplier, now=MORNING), keeper


def cartons(order):
    return session.scalars(select(Parcel).where(Parcel.reference == order.number)).all()


def test_an_order_freezes_units_prices_and_the_day_of_delivery():
    offer = make.supply_offer()
    keeper = make.keeper()
    order = make.wholesale_order([(offer.id, 15), (offer.id, 5)], keeper=keeper)
    line = order.lines[0]
    assert (line.cases, line.units, line.price_minor, line.total_minor) == (20, 480, 2_650, 53_000)
    assert (order.total_minor, order.currency, order.deliver_on) == (53_000, "CNY", date(2026, 8, 18))
    supply.change(offer, tiers=[(5, 1)], by=keeper.id, now=MORNING)
    assert line.price_minor == 2_650


def test_the_number_carries_branch_and_day():
    assert re.fullmatch(r"PX4312\d{2}260813\d{6}", make.wholesale_order().number)


def test_each_thing_that_is_wrong_with_an_order_has_its_name():
    keeper, offer = make.keeper(), make.supply_offer()
    stopped = make.supply_offer(supplier=offer.supplier)
    supply.change(stopped, status=SupplyStatus.STOPPED, by=keeper.id, now=MORNING)
    for refusal, lines in [
        (OrderEmpty, []),
        (SupplyOfferUnknown, [(make.missing_id(), 5)]),
        (SeveralSuppliers, [(offer.id, 5), (make.supply_offer().id, 5)]),
        (SupplyStopped, [(stopped.id, 5)]),
        (BelowSmallestOrder, [(offer.id, 4)]),
        (TooManyCases, [(offer.id, 600), (offer.id, 401)]),
    ]:
        with pytest.raises(refusal):
            restocking.place(lines, by=keeper.id, now=MORNING)
    with pytest.raises(StationMissing):
        restocking.place([(offer.id, 5)], by=make.user().id, now=MORNING)


def test_every_step_leaves_a_row_of_who_and_when():
    order, keeper = shipped()
    receipts.receive(order, [], by=keeper.id, now=MORNING)
    moves = session.execute(
        select(WholesaleMove.from_status, WholesaleMove.to_status)
        .where(WholesaleMove.order_id == order.id)
        .order_by(WholesaleMove.from_status.is_(None).desc(), WholesaleMove.to_status)
    ).all()
    steps = {(None, S.PLACED), (S.PLACED, S.CONFIRMED), (S.CONFIRMED, S.SHIPPED), (S.SHIPPED, S.RECEIVED)}
    assert {tuple(move) for move in moves} == steps


def test_no_step_is_taken_that_is_not_in_the_table():
    for seen in S:
        for wanted in set(S) - NEXT[seen]:
            order = make.wholesale_order()
            session.execute(
                wholesale.update(wholesale.WholesaleOrder)
                .where(wholesale.WholesaleOrder.id == order.id)
                .values(status=seen, payable_minor=0 if seen is S.RECEIVED else None)
            )
            session.refresh(order)
            with pytest.raises(IllegalMove):
                wholesale.move(order, wanted, by=make.user().id, now=MORNING)


def test_an_order_that_has_left_cannot_be_cancelled():
    order, keeper = shipped()
    with pytest.raises(IllegalMove):
        wholesale.cancel(order, reason="太晚了", by=keeper.id, now=MORNING)


def test_goods_ride_the_van_as_cartons_for_the_station():
    first = make.supply_offer()
    second = make.supply_offer(supplier=first.supplier, name="酱油1.9L")
    order, _keeper = shipped([(first.id, 5), (second.id, 6)])
    boxes = cartons(order)
    assert {box.contents for box in boxes} == {"矿泉水550ml × 5箱", "酱油1.9L × 6箱"}
    assert {(box.kind, box.destination_station_id, box.station_id) for box in boxes} == {
        (Kind.GOODS, order.station_id, None)
    }


def test_what_is_counted_goes_to_the_shelf_and_is_owed_and_the_rest_is_not():
    heard = []
    events.wholesale_received.connect(lambda order, by, now: heard.append(order.payable_minor))
    order, keeper = shipped()
    line = order.lines[0]
    receipts.receive(order, [(line.barcode, Count(100)), (line.barcode, Count(30, 4))], by=keeper.id, now=MORNING)
    assert (line.received_units, line.damaged_units, line.short_units) == (130, 4, 10)
    assert order.payable_minor == heard[-1] == 15_167
    stock = session.scalars(select(ShelfStock).where(ShelfStock.station_id == order.station_id)).one()
    assert (stock.barcode, stock.on_hand_units) == (line.barcode, 130)


def test_what_nobody_scanned_is_short():
    order, keeper = shipped()
    receipts.receive(order, [], by=keeper.id, now=MORNING)
    line = order.lines[0]
    assert (line.received_units, line.short_units, order.payable_minor) == (0, line.units, 0)


def test_each_wrong_count_has_its_name():
    order, keeper = shipped()
    line = order.lines[0]
    for refusal, scans in [
        (NotOrdered, [(make.barcode(), Count(1))]),
        (MoreThanOrdered, [(line.barcode, Count(line.units, 1))]),
        (CountNegative, [(line.barcode, Count(-1))]),
    ]:
        with pytest.raises(refusal):
            receipts.receive(order, scans, by=keeper.id, now=MORNING)


def test_goods_are_counted_once():
    order, keeper = shipped()
    receipts.receive(order, [], by=keeper.id, now=MORNING)
    with pytest.raises(IllegalMove):
        receipts.receive(order, [], by=keeper.id, now=MORNING)


def test_nothing_is_counted_before_it_was_sent():
    keeper = make.keeper()
    order = make.wholesale_order(keeper=keeper)
    with pytest.raises(IllegalMove):
        receipts.receive(order, [(order.lines[0].barcode, Count(1))], by=keeper.id, now=MORNING)


def test_the_count_is_the_proof_of_delivery_of_cartons_at_hand():
    order, keeper = shipped()
    (box,) = cartons(order)
    acceptance.mark_acceptance(box, real_name=True, inspected=True, screened=True, by=keeper.id, now=MORNING)
    staging.stage_cartons([box.id], by=keeper.id, now=MORNING)
    parcels.move(box, ParcelStatus.ARRIVED, Code.AT_STATION, by=keeper.id, now=MORNING)
    receipts.receive(order, [], by=keeper.id, now=MORNING)
    assert box.status is ParcelStatus.DELIVERED


def test_cartons_that_never_saw_the_van_are_taken_back():
    order, keeper = shipped()
    receipts.receive(order, [(order.lines[0].barcode, Count(144))], by=keeper.id, now=MORNING)
    assert [box.status for box in cartons(order)] == [ParcelStatus.CANCELLED]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_ordered_is_received_and_short_and_damaged_whatever_is_counted(data):
    factor, cases = data.draw(st.integers(1, 48)), data.draw(st.integers(1, 40))
    price = data.draw(st.integers(1, 100_000))
    offer = make.supply_offer(case_factor=factor, min_cases=1, tiers=[(1, price)])
    order, keeper = shipped([(offer.id, cases)])
    received = data.draw(st.integers(0, factor * cases))
    damaged = data.draw(st.integers(0, factor * cases - received))
    receipts.receive(order, [(offer.barcode, Count(received, damaged))], by=keeper.id, now=MORNING)
    line = order.lines[0]
    assert line.received_units + line.short_units + line.damaged_units == line.units == factor * cases
    assert 0 <= order.payable_minor <= order.total_minor
    assert (order.payable_minor == order.total_minor) >= (received == line.units)


def test_the_database_itself_loses_nothing_in_the_count():
    order, keeper = shipped()
    receipts.receive(order, [], by=keeper.id, now=MORNING)
    order.lines[0].received_units = 1
    with pytest.raises(IntegrityError, match="nothing_lost_in_the_count"):
        session.flush()


def test_both_sides_see_an_order_and_nobody_else():
    member = make.supplier_member()
    offer = make.supply_offer(supplier=suppliers.of_user(member.id))
    keeper = make.keeper()
    order = make.wholesale_order([(offer.id, 5)], keeper=keeper)
    for person in (member, keeper):
        assert wholesale.find(order.number, among=wholesale.dealt_by(who(person))) is order
    for stranger in (make.supplier_member(), make.keeper(), make.user()):
        with pytest.raises(WholesaleOrderUnknown):
            wholesale.find(order.number, among=wholesale.visible_to(who(stranger)))


def test_the_shelf_belongs_to_its_station():
    order, keeper = shipped()
    receipts.receive(order, [(order.lines[0].barcode, Count(5))], by=keeper.id, now=MORNING)
    assert len(session.scalars(shelf.visible_to(who(keeper))).all()) == 1
    assert session.scalars(shelf.visible_to(who(make.keeper()))).all() == []
