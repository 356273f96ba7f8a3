"""Reconciliation: announced = matched + short, counted = matched + over + mis-sent, whatever the order."""

import itertools

import pytest
from sqlalchemy.exc import IntegrityError

from core.db import session
from logistics import dispatch, parcels, reconciliation, scans
from logistics.branches import Branch
from logistics.dispatch import Direction, DispatchItem, DispatchStatus, ItemState
from logistics.moves import ParcelStatus
from logistics.reconciliation import Cause, Difference
from tests import make
from tests.make.parcels import MORNING

S = ParcelStatus


@pytest.fixture
def branch():
    return make.branch()


@pytest.fixture
def station(branch):
    return make.station(branch)


def staged(station, count):
    return [make.staged_parcel(station) for _box in range(count)]


def test_a_station_has_one_open_dispatch_in_a_direction(station, branch):
    bag = dispatch.open_for(station, now=MORNING)
    assert dispatch.open_for(station, now=MORNING) is bag
    assert dispatch.open_for(station, direction=Direction.OUTWARD, now=MORNING).id != bag.id
    assert len(bag.number) == 20
    assert bag.number[6:12] == branch.code


def test_staged_boxes_are_added_once(station):
    bag = dispatch.open_for(station, now=MORNING)
    boxes = staged(station, 2)
    assert dispatch.add(bag, boxes, by=None, now=MORNING) == 2
    assert dispatch.add(bag, boxes, by=None, now=MORNING) == 0
    assert {box.number for box, _state in dispatch.manifest(bag)} == {box.number for box in boxes}


def test_a_box_that_is_not_staged_or_not_from_here_is_refused(station, branch):
    bag = dispatch.open_for(station, now=MORNING)
    for stranger in (make.labelled_parcel(station), make.staged_parcel(make.station(branch))):
        with pytest.raises(dispatch.ParcelNotStaged):
            dispatch.add(bag, [stranger], by=None, now=MORNING)


def test_one_box_is_never_announced_twice(station):
    box = make.staged_parcel(station)
    make.closed_dispatch([box], station)
    second = dispatch.open_for(station, now=MORNING)
    with pytest.raises(dispatch.ParcelInAnotherDispatch):
        dispatch.add(second, [box], by=None, now=MORNING)
    again = DispatchItem(dispatch_id=second.id, parcel_id=box.id, state=ItemState.DECLARED, added_at=MORNING)
    session.add(again)
    with pytest.raises(IntegrityError, match="uq_dispatch_items_declared"):
        session.flush()


def test_an_empty_dispatch_is_not_closed(station):
    with pytest.raises(dispatch.DispatchEmpty):
        dispatch.close(dispatch.open_for(station, now=MORNING), by=None, now=MORNING)


def test_a_closed_dispatch_takes_no_more_and_closing_twice_is_once(station):
    bag = make.closed_dispatch(staged(station, 1), station)
    dispatch.close(bag, by=None, now=MORNING)
    assert bag.status is DispatchStatus.CLOSED
    with pytest.raises(dispatch.DispatchNotOpen):
        dispatch.add(bag, staged(station, 1), by=None, now=MORNING)


def test_more_boxes_than_a_dispatch_holds_are_refused(station, monkeypatch):
    monkeypatch.setattr(dispatch, "ITEMS_MAX", 1)
    with pytest.raises(dispatch.DispatchFull):
        dispatch.add(dispatch.open_for(station, now=MORNING), staged(station, 2), by=None, now=MORNING)


def test_what_has_not_left_is_not_received(station):
    bag = make.closed_dispatch(staged(station, 1), station)
    with pytest.raises(reconciliation.DispatchNotOnTheWay):
        reconciliation.receive(bag, [], by=None, now=MORNING)


def test_too_many_scans_at_once_are_refused(station, monkeypatch):
    monkeypatch.setattr(reconciliation, "ITEMS_MAX", 1)
    with pytest.raises(reconciliation.TooManyScans):
        reconciliation.receive(dispatch.open_for(station, now=MORNING), ["A", "B"], by=None, now=MORNING)


def test_matched_short_and_over_are_told_apart(station, branch):
    here, missing = staged(station, 2)
    bag = make.departed_dispatch([here, missing], station, branch)
    unscanned = make.staged_parcel(station)
    found = reconciliation.receive(bag, [here.number, unscanned.number, "ZA999999999CN"], by=None, now=MORNING)
    assert found.matched == (here.number,)
    assert found.short == (missing.number,)
    assert set(found.over) == {unscanned.number, "ZA999999999CN"}
    assert (found.declared, found.received) == (2, 3)
    assert (here.status, missing.status, unscanned.status) == (S.ARRIVED, S.IN_TRANSIT, S.ARRIVED)
    assert bag.status is DispatchStatus.RECEIVED


def test_a_box_without_marks_that_rode_along_is_noted_and_not_taken_in(station, branch):
    bag = make.departed_dispatch(staged(station, 1), station, branch)
    unmarked = make.staged_parcel(station, marked=False)
    assert reconciliation.receive(bag, [unmarked.number], by=None, now=MORNING).over == (unmarked.number,)
    assert unmarked.status is S.STAGED


def test_a_box_announced_to_another_place_is_mis_sent(station, branch):
    bag = make.departed_dispatch(staged(station, 1), station, branch)
    far = make.branch()
    there = make.station(far)
    stray = make.staged_parcel(there)
    make.departed_dispatch([stray], there, far)
    assert reconciliation.receive(bag, [stray.number], by=None, now=MORNING).missent == (stray.number,)
    assert stray.status is S.IN_TRANSIT, "its own dispatch still expects it"


def test_receiving_twice_changes_nothing(station, branch):
    boxes = staged(station, 2)
    bag = make.departed_dispatch(boxes, station, branch)
    scanned = [boxes[0].number, "ZA999999999CN"]
    first = reconciliation.receive(bag, scanned, by=None, now=MORNING)
    events = len(scans.of_parcel(boxes[0].id))
    assert reconciliation.receive(bag, scanned, by=None, now=MORNING) == first
    assert len(scans.of_parcel(boxes[0].id)) == events
    assert len(reconciliation.differences(bag)) == 2


def test_the_order_of_scans_does_not_matter(station, branch):
    boxes = staged(station, 3)
    bag = make.departed_dispatch(boxes, station, branch)
    batches = [[boxes[0].number], [boxes[1].number, "ZA999999999CN"], [boxes[0].number, boxes[1].number]]
    results = set()
    for order in itertools.permutations(batches):
        trial = session.begin_nested()
        for batch in order:
            found = reconciliation.receive(bag, batch, by=None, now=MORNING)
        results.add(found)
        trial.rollback()
        session.expire_all()
    assert len(results) == 1
    assert results.pop().short == (boxes[2].number,)


def test_numbers_are_read_as_typed_with_spaces_and_small_letters(station, branch):
    box = make.staged_parcel(station)
    bag = make.departed_dispatch([box], station, branch)
    typed = f" {box.number[:2].lower()} {box.number[2:]} "
    assert reconciliation.receive(bag, [typed], by=None, now=MORNING).matched == (box.number,)


def test_a_shortage_found_later_explains_itself(station, branch):
    box = make.staged_parcel(station)
    bag = make.departed_dispatch([box], station, branch)
    reconciliation.receive(bag, [], by=None, now=MORNING)
    reconciliation.receive(bag, [box.number], by=None, now=MORNING)
    row = reconciliation.differences(bag)[0]
    assert (row.kind, row.cause) == (Difference.SHORT, Cause.FOUND)
    assert box.status is S.ARRIVED


def test_a_difference_is_closed_once_with_person_time_and_cause(station, branch):
    keeper = make.keeper(station)
    box = make.staged_parcel(station)
    bag = make.departed_dispatch([box], station, branch)
    reconciliation.receive(bag, [], by=None, now=MORNING)
    row = reconciliation.differences(bag)[0]
    reconciliation.explain(row, cause=Cause.LEFT_BEHIND, note="在货架上", by=keeper.id, now=MORNING)
    assert (row.closed_by, row.closed_at, row.cause) == (keeper.id, MORNING, Cause.LEFT_BEHIND)
    with pytest.raises(reconciliation.DiscrepancyClosed):
        reconciliation.explain(row, cause=Cause.LOST, by=None, now=MORNING)


def test_a_box_that_never_rode_along_stands_ready_again(station, branch):
    box = make.staged_parcel(station)
    bag = make.departed_dispatch([box], station, branch)
    found = reconciliation.receive(bag, [], by=None, now=MORNING)
    reconciliation.explain(
        reconciliation.differences(bag)[0], cause=Cause.LEFT_BEHIND, by=None, now=MORNING
    )  # fmt: skip
    assert box.status is S.STAGED
    assert reconciliation.result(bag) == found, "the announcement was wrong all the same"
    assert dispatch.add(dispatch.open_for(station, now=MORNING), [box], by=None, now=MORNING) == 1


def test_a_difference_of_another_dispatch_is_not_found(station):
    with pytest.raises(reconciliation.NotFound):
        reconciliation.difference(dispatch.open_for(station, now=MORNING), make.missing_id())


def test_wholesale_cartons_ride_outward_to_the_station(station, branch):
    from logistics import acceptance, runs, staging

    carton = parcels.register(
        station_id=None, destination_station_id=station.id, reference="W1", recipient=None, contents="食用油 12瓶",
        promised_net_g=None, tare_g=500, pack_by=None, kind="goods", now=MORNING,
    )  # fmt: skip
    acceptance.mark_many([carton.id], real_name=True, inspected=True, screened=True, by=None, now=MORNING)
    assert staging.stage_cartons([carton.id], by=None, now=MORNING) == [carton.id]
    assert staging.stage_cartons([carton.id], by=None, now=MORNING) == []
    bag = dispatch.open_for(station, direction=Direction.OUTWARD, now=MORNING)
    dispatch.add(bag, [carton], by=None, now=MORNING)
    dispatch.close(bag, by=None, now=MORNING)
    van = make.run(branch, station)
    runs.load(van, carton.number, by=None, now=MORNING)
    runs.depart(van, by=None, now=MORNING)
    assert reconciliation.receive(bag, [carton.number], by=None, now=MORNING).matched == (carton.number,)
    last = scans.of_parcel(carton.id)[-1]
    assert (last.code, last.station_id) == ("EDH", station.id)
    assert session.get_one(Branch, branch.id).id == last.branch_id
