"""A parcel that comes back has an end in money, and a buyer who asks for hers has an answer."""

import pytest
from sqlalchemy import func, select

from core.db import session
from core.permissions import Role
from logistics import delivery, runs
from logistics.branches import Branch
from logistics.delivery import Reason
from logistics.stations import Station
from orders import asking, cash, fulfilment, ledger, verify
from orders.asking import RefundRequest, RequestStatus
from orders.orders import OrderStatus
from orders.refunding import NothingPaid, RefundAbovePaid, RefundAmountImpossible
from orders.refunds import Refund, RefundReason
from shop.products import ProductKind
from tests import make
from tests.make.shop import MORNING
from tests.orders.test_fulfilment import bench, boxes, carry, hand_over, lot


def send_back(box, reason):
    session.refresh(box)
    delivery.send_back(box, reason=reason, by=None, now=MORNING)


def goods(kind):
    return make.pack_with_lot(product=make.product(kind=kind))


def refunded():
    return session.scalars(select(Refund.amount_minor)).all()


def end(order):
    session.refresh(order)
    return order.status, order.moves[-1].reason


@pytest.mark.parametrize("reason", sorted(delivery.ADDRESSEES_FAULT))
def test_fresh_goods_that_the_buyer_did_not_take_stay_sold(reason):
    order = make.paid_order()
    carry(order)
    send_back(boxes(order)[0], reason)
    assert end(order) == (OrderStatus.COMPLETED, f"kept_{reason}")
    assert refunded() == []
    assert OrderStatus.DELIVERED not in {move.became for move in order.moves}
    assert (ledger.trial_balance()["buyer"], verify.run()) == (0, [])


def test_other_goods_that_the_buyer_refused_are_refunded_less_freight():
    order = make.paid_order((goods(ProductKind.CRAFT), 1))
    carry(order)
    send_back(boxes(order)[0], Reason.REFUSED)
    assert refunded() == [2_990 - 700]
    assert end(order) == (OrderStatus.COMPLETED, "returned_refused")
    assert (ledger.balance("refunds:cash"), ledger.trial_balance()["buyer"], verify.run()) == (-2_290, 0, [])


@pytest.mark.parametrize("reason", [Reason.ROAD_CLOSED, Reason.DAMAGED, Reason.WRONG_GOODS])
def test_what_the_carrier_or_station_spoiled_is_refunded_whole(reason):
    order = make.paid_order()
    carry(order)
    send_back(boxes(order)[0], reason)
    assert refunded() == [2_990]
    assert session.scalars(select(Refund.reason)).one() is RefundReason.RETURNED
    assert end(order) == (OrderStatus.REFUNDED, "returned")
    assert verify.run() == []


def test_an_order_ends_only_with_its_last_parcel_whichever_comes_first():
    order = make.paid_order((make.pack_with_lot(), 3))
    carry(order)
    first, second, third = boxes(order)
    send_back(first, Reason.DAMAGED)
    hand_over(second)
    assert end(order)[0] is OrderStatus.SHIPPED
    assert refunded() == []
    hand_over(third)
    assert refunded() == [2_990]
    assert end(order) == (OrderStatus.COMPLETED, "returned_damaged")
    assert OrderStatus.DELIVERED in {move.became for move in order.moves}
    assert verify.run() == []


def test_a_returned_box_never_goes_back_for_sale_by_itself():
    order = make.paid_order()
    carry(order)
    free = lot().shipped_g
    send_back(boxes(order)[0], Reason.DAMAGED)
    assert (lot().shipped_g, lot().allocated_g, lot().held_g) == (free, 0, 0)


def test_a_return_that_is_heard_twice_refunds_once():
    order = make.paid_order()
    carry(order)
    box = boxes(order)[0]
    send_back(box, Reason.DAMAGED)
    fulfilment.hear_returned(box, because="damaged", now=MORNING)
    assert refunded() == [2_990]
    assert verify.run() == []


def test_a_return_gives_back_only_what_an_earlier_refund_left():
    order = make.paid_order()
    carry(order)
    answer(ask(order), 1_000)
    send_back(boxes(order)[0], Reason.DAMAGED)
    assert sorted(refunded()) == [1_000, 1_990]
    assert end(order)[0] is OrderStatus.REFUNDED
    assert verify.run() == []


def test_a_return_of_a_refunded_order_changes_nothing():
    order = make.paid_order()
    carry(order)
    answer(ask(order), 2_990)
    send_back(boxes(order)[0], Reason.DAMAGED)
    assert (refunded(), end(order)[0], verify.run()) == ([2_990], OrderStatus.REFUNDED, [])


def ask(order, words="果子买错了"):
    return asking.ask(order, words=words, by=order.buyer_id, now=MORNING)


def answer(request, minor, words="好的"):
    return asking.agree(request, amount_minor=minor, words=words, by=make.user().id, now=MORNING)


def test_a_packed_box_that_has_not_left_is_pulled_and_all_goes_back():
    order = make.paid_order((make.pack_with_lot(), 2))
    bench(boxes(order)[0])
    request = ask(order)
    assert (request.status, refunded(), end(order)[0]) == (RequestStatus.AGREED, [5_980], OrderStatus.REFUNDED)
    assert (boxes(order), lot().allocated_g) == ([], 0)
    assert ask(order).id == request.id
    assert (refunded(), verify.run()) == ([5_980], [])


def load(order):
    box = boxes(order)[0]
    bench(box)
    station = session.get_one(Station, order.station_id)
    make.closed_dispatch([box], station)
    runs.load(make.run(session.get_one(Branch, station.branch_id), station), box.number, by=None, now=MORNING)


def test_once_it_is_on_the_van_the_request_waits_and_a_double_tap_is_one():
    order = make.paid_order()
    load(order)
    request = ask(order)
    assert request.status is RequestStatus.OPEN
    assert ask(order, "再说一次").id == request.id
    assert session.scalar(select(func.count()).select_from(RefundRequest)) == 1
    assert (refunded(), verify.run()) == ([], [])


def test_a_request_is_agreed_in_part_and_answered_once():
    farm = make.farm()
    two = [make.pack_with_lot(product=make.product(farm=farm, name=name)) for name in ("黄桃", "脐橙")]
    order = make.paid_order(*((pack, 1) for pack in two))
    carry(order)
    request = ask(order)
    answer(request, 1_001)
    assert (request.status, refunded(), order.refunded_minor) == (RequestStatus.AGREED, [1_001], 1_001)
    for again in (lambda: answer(request, 1_001), lambda: decline(request)):
        with pytest.raises(asking.AlreadyAnswered):
            again()
    assert verify.run() == []


def decline(request, by=None):
    return asking.decline(request, words="已经坏了两天才说", by=by or make.user().id, now=MORNING)


def test_a_request_is_declined_with_words_and_may_be_asked_anew():
    order = make.paid_order()
    carry(order)
    request = decline(ask(order))
    assert (request.status, request.answer, refunded()) == (RequestStatus.DECLINED, "已经坏了两天才说", [])
    assert ask(order).id != request.id


def test_what_makes_no_sense_is_refused():
    order = make.order()
    with pytest.raises(NothingPaid):
        ask(order)
    cash.take(order, given_minor=order.total_minor, by=make.user().id, now=MORNING)
    carry(order)
    with pytest.raises(asking.WordsMissing):
        ask(order, "  ")
    request = ask(order)
    with pytest.raises(RefundAbovePaid):
        answer(request, 2_991)
    with pytest.raises(RefundAmountImpossible):
        answer(request, 0)
    with pytest.raises(asking.OwnRequest):
        decline(request, order.buyer_id)
    assert (request.status, refunded()) == (RequestStatus.OPEN, [])


def test_only_the_station_and_its_branch_answer_and_only_buyer_and_they_see():
    order = make.paid_order()
    carry(order)
    request = ask(order)
    keeper = make.who(make.keeper(session.get_one(Station, order.station_id)))
    stranger = make.who(make.user(roles=[Role.KEEPER]))
    with pytest.raises(asking.RequestUnknown):
        asking.by_id(request.id, who=stranger)
    assert session.scalars(asking.visible_to(stranger)).all() == []
    assert asking.by_id(request.id, who=keeper).id == request.id
