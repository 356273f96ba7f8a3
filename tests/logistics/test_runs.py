"""Van runs: scanned on, left behind said aloud, nothing leaves without its marks."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.db import session
from logistics import acceptance, dispatch, events, runs, scans
from logistics.acceptance import DepartureWithoutMarks
from logistics.dispatch import DispatchStatus
from logistics.moves import ParcelStatus
from logistics.runs import RunStatus
from tests import make
from tests.make.parcels import MORNING

S = ParcelStatus


@pytest.fixture
def branch():
    return make.branch()


@pytest.fixture
def station(branch):
    return make.station(branch)


@pytest.fixture
def van(branch, station):
    return make.run(branch, station)


def load(van, *boxes):
    return runs.load(van, [box.number for box in boxes], by=None, now=MORNING)


def test_a_run_has_its_stops_in_order(branch, station):
    second = make.station(branch)
    driver = make.driver(branch)
    van = runs.plan(
        branch, driver_id=driver.id, day=MORNING.date(), station_ids=[second.id, station.id], now=MORNING
    )  # fmt: skip
    assert [stop.station_id for stop in runs.stops(van)] == [second.id, station.id]
    assert van.number.startswith(f"R{branch.code}260813")


def test_stops_are_different_and_of_the_branch(branch, station):
    driver = make.driver(branch)
    for wrong in ([], [station.id, station.id], [make.station().id]):
        with pytest.raises(runs.StopsImpossible):
            runs.plan(branch, driver_id=driver.id, day=MORNING.date(), station_ids=wrong, now=MORNING)


def test_boxes_are_scanned_on_and_a_second_scan_changes_nothing(van, station):
    box = make.staged_parcel(station)
    make.closed_dispatch([box], station)
    assert load(van, box) == [box.number]
    assert load(van, box) == []
    assert (box.status, box.run_id, van.status) == (S.LOADED, van.id, RunStatus.LOADING)


def test_only_announced_boxes_ride(van, station):
    box = make.staged_parcel(station)
    with pytest.raises(runs.NotAnnounced):
        load(van, box)
    dispatch.add(dispatch.open_for(station, now=MORNING), [box], by=None, now=MORNING)
    with pytest.raises(runs.NotAnnounced):
        load(van, box)


def test_a_box_of_another_road_is_refused(van, branch):
    elsewhere = make.station(branch)
    box = make.staged_parcel(elsewhere)
    make.closed_dispatch([box], elsewhere)
    with pytest.raises(runs.NotOnThisRun):
        load(van, box)


def test_an_unknown_number_loads_nothing(van, station):
    box = make.staged_parcel(station)
    make.closed_dispatch([box], station)
    with pytest.raises(runs.NotFound):
        runs.load(van, [box.number, "ZA999999999CN"], by=None, now=MORNING)
    assert box.status is S.STAGED


def test_announced_is_loaded_and_left_behind(van, station):
    aboard, behind = make.staged_parcel(station), make.staged_parcel(station)
    bag = make.closed_dispatch([aboard, behind], station)
    load(van, aboard)
    assert runs.left_behind(van) == [behind]
    with pytest.raises(runs.LeftUnexplained):
        runs.depart(van, by=None, now=MORNING, reason=" ")
    left = runs.depart(van, by=None, now=MORNING, reason="车满")
    assert (left.loaded, left.left_behind) == ((aboard.number,), (behind.number,))
    assert (aboard.status, behind.status, bag.status) == (S.IN_TRANSIT, S.STAGED, DispatchStatus.DEPARTED)
    assert scans.of_parcel(behind.id)[-1].note == "车满"
    assert dispatch.add(dispatch.open_for(station, now=MORNING), [behind], by=None, now=MORNING) == 1


def test_nothing_leaves_without_its_three_marks(van, station):
    box = make.staged_parcel(station, marked=False)
    make.closed_dispatch([box], station)
    load(van, box)
    with pytest.raises(DepartureWithoutMarks) as refused:
        runs.depart(van, by=None, now=MORNING)
    assert box.number in str(refused.value)
    acceptance.mark_acceptance(box, real_name=True, inspected=True, by=None, now=MORNING)
    with pytest.raises(DepartureWithoutMarks):
        runs.depart(van, by=None, now=MORNING)
    acceptance.mark_acceptance(box, screened=True, by=None, now=MORNING)
    assert runs.depart(van, by=None, now=MORNING).loaded == (box.number,)


def test_the_database_itself_refuses_a_departure_without_marks(station):
    box = make.staged_parcel(station, marked=False)
    with pytest.raises(IntegrityError, match="no_departure_without_marks"), session.begin_nested():
        session.execute(text("UPDATE parcels SET status = 'in_transit' WHERE id = :id"), {"id": box.id})


def test_a_mark_keeps_its_first_person(station):
    keeper = make.keeper(station)
    box = make.staged_parcel(station, by=keeper.id)
    acceptance.mark_acceptance(box, inspected=True, by=make.user().id, now=MORNING)
    assert box.inspected_by == keeper.id


def test_a_box_taken_off_again_is_ready_for_the_next_van(van, station):
    box = make.staged_parcel(station)
    make.closed_dispatch([box], station)
    load(van, box)
    runs.unload(van, box, by=None, now=MORNING, reason="箱子破了")
    assert (box.status, box.run_id) == (S.STAGED, None)
    with pytest.raises(runs.NotOnThisRun):
        runs.unload(van, box, by=None, now=MORNING)


def test_a_van_that_is_back_loads_and_leaves_no_more(van, station):
    box = make.staged_parcel(station)
    make.closed_dispatch([box], station)
    runs.arrive(van, now=MORNING)
    runs.arrive(van, now=MORNING)
    with pytest.raises(runs.RunEnded):
        load(van, box)
    with pytest.raises(runs.RunEnded):
        runs.depart(van, by=None, now=MORNING)


def test_departure_is_told_to_the_sender_box_by_box(van, station, monkeypatch):
    heard = []
    monkeypatch.setattr(events.parcel_dispatched, "_listeners", [lambda parcel, *, now: heard.append(parcel.number)])
    boxes = [make.staged_parcel(station) for _box in range(2)]
    make.closed_dispatch(boxes, station)
    load(van, *boxes)
    runs.depart(van, by=None, now=MORNING)
    assert sorted(heard) == sorted(box.number for box in boxes)
