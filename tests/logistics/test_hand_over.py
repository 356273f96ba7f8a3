"""The last mile: from the branch on to the village station, onto its shelf, into the right hands or back."""

import pytest
from sqlalchemy import text

from core.clock import LOCAL, local_day
from core.db import session
from core.errors import IllegalMove, NotFound
from logistics import delivery, dispatch, forwarding, hand_over, parcels, reconciliation, runs, scans, tracking, verify
from logistics.branches import Branch
from logistics.delivery import Collector, CollectorNameMissing, DeliveryProof, ProofKind, Reason
from logistics.dispatch import Direction, DispatchStatus
from logistics.forwarding import NotAtBranch, NothingToForward, OutsideCatchment
from logistics.hand_over import AlreadyHandedOver, ParcelNotHere, ParcelNotOurs
from logistics.moves import ParcelStatus
from logistics.reconciliation import Cause
from logistics.scans import Code
from logistics.stations import StationLevel
from tests import make
from tests.make.parcels import MORNING

S = ParcelStatus
TOWN, VILLAGE, NEXT_VILLAGE = "431281217", "431281217202", "431281217204"


@pytest.fixture
def branch():
    return make.branch()


@pytest.fixture
def station(branch):
    return make.station(branch)


@pytest.fixture
def keeper(station):
    return make.keeper(station)


def clean() -> dict[str, int]:
    counts = {name: len(session.execute(text(sql)).all()) for name, sql in verify.checks()}
    return {name: count for name, count in counts.items() if count}


def at_branch(station, region_code="431224106"):
    """A box of that station, counted in at its branch, for somebody in this region."""
    branch = session.get_one(Branch, station.branch_id)
    box = make.staged_parcel(station, recipient=make.address(region_code=region_code))
    reconciliation.receive(make.departed_dispatch([box], station, branch), [box.number], by=None, now=MORNING)
    return box


def given(station, box, keeper, **more):
    return hand_over.hand_over(station, box.number, by=keeper.id, now=MORNING, proof=ProofKind.SIGNED, **more)


def test_a_parcel_rides_on_to_its_village_and_is_handed_over_there(station, keeper):
    box, bag = make.sent_on_parcel(station)
    assert (bag.direction, bag.status, box.status) == (Direction.OUTWARD, DispatchStatus.DEPARTED, S.IN_TRANSIT)
    assert hand_over.counts(station.id) == (0, 0)
    reconciliation.receive(bag, [box.number], by=keeper.id, now=MORNING)
    assert (box.status, box.destination_station_id) == (S.ARRIVED, station.id)
    assert [row.parcel.number for row in hand_over.shelf(station).items] == [box.number]
    proof = given(station, box, keeper, collector=Collector.FAMILY, collector_name="李大山")
    assert (box.status, proof.by, proof.collector) == (S.DELIVERED, keeper.id, Collector.FAMILY)
    last = [scan for scan in scans.of_parcel(box.id) if scan.code is Code.DELIVERED]
    assert [scan.station_id for scan in last] == [station.id]
    assert hand_over.counts(station.id) == (0, 0)
    assert clean() == {}


def test_each_leg_is_seen_where_it_happened(station, branch):
    box = make.waiting_parcel(station)
    seen = [(scan.code, scan.station_id) for scan in scans.of_parcel(box.id) if scan.code in tracking.WORDS]
    home = box.station_id
    assert seen == [
        (Code.ACCEPTED, home), (Code.DEPARTED, home), (Code.AT_BRANCH, None),
        (Code.DEPARTED_OUTWARD, None), (Code.AT_STATION, station.id),
    ]  # fmt: skip


def test_the_public_page_says_that_it_can_be_collected(station):
    box = make.waiting_parcel(station)
    found = tracking.public_view(box.number, tail="1234", now=MORNING)
    assert (found.status, found.events[0].place) == (tracking.TO_COLLECT, station.name)


@pytest.mark.parametrize(
    ("region", "caught"),
    [(VILLAGE, ["a"]), (TOWN, ["a", "b"]), (NEXT_VILLAGE, ["b"]), ("431281217205", ["a", "b"]), ("431281", []),
     ("431224106", [])],
)  # fmt: skip
def test_a_station_catches_its_village_and_the_villages_of_its_town_that_have_none(region, caught, branch):
    ends = {"a": VILLAGE, "b": NEXT_VILLAGE}
    places = {k: make.station(branch, region_code=code, level=StationLevel.VILLAGE) for k, code in ends.items()}
    assert forwarding.catching(region, list(places.values())) == [places[name] for name in caught]


def test_the_branch_is_offered_what_it_may_send_on(station, branch):
    near, far = at_branch(station), at_branch(station, "430104001")
    (offer,) = forwarding.offers(branch.head_id)
    assert (offer.station.id, offer.boxes, offer.sure) == (station.id, [near], {near.id})
    assert far.status is S.ARRIVED


def test_what_is_not_for_this_place_or_not_here_is_not_sent_on(station, branch):
    head = branch.head_id
    with pytest.raises(OutsideCatchment):
        forwarding.send_on(station, [at_branch(station, "430104001").number], by=head, now=MORNING)
    with pytest.raises(NotAtBranch):
        forwarding.send_on(station, [make.staged_parcel(station).number], by=head, now=MORNING)
    with pytest.raises(NothingToForward):
        forwarding.send_on(station, [], by=head, now=MORNING)
    with pytest.raises(NotFound):
        forwarding.send_on(station, [at_branch(make.station()).number], by=head, now=MORNING)
    box = at_branch(station)
    forwarding.send_on(station, [box.number], by=head, now=MORNING)
    with pytest.raises(NotAtBranch):
        forwarding.send_on(station, [box.number], by=head, now=MORNING)


def test_what_is_on_its_way_to_the_village_cannot_be_cancelled_or_bagged_by_its_first_station(station, branch):
    box = at_branch(station)
    forwarding.send_on(station, [box.number], by=branch.head_id, now=MORNING)
    with pytest.raises(IllegalMove):
        parcels.cancel(box, by=None, now=MORNING)
    assert session.scalars(dispatch.ready_inward(station.id)).all() == []
    assert parcels.board(station.id, day=local_day(MORNING))[S.STAGED] == 0


def test_nothing_is_handed_over_twice(station, keeper):
    box = make.waiting_parcel(station)
    given(station, box, keeper)
    with pytest.raises(AlreadyHandedOver):
        given(station, box, keeper)
    assert session.query(DeliveryProof).count() == 1


def test_a_proxy_gives_his_name_at_the_counter_too(station, keeper):
    box = make.waiting_parcel(station)
    with pytest.raises(CollectorNameMissing):
        given(station, box, keeper, collector=Collector.NEIGHBOUR)
    assert box.status is S.ARRIVED


def test_a_foreign_parcel_and_one_that_is_not_here_are_told_apart(station, keeper, branch):
    with pytest.raises(ParcelNotOurs):
        given(station, make.waiting_parcel(make.station()), keeper)
    with pytest.raises(ParcelNotOurs):
        given(station, make.waiting_parcel(make.station(branch)), keeper)
    with pytest.raises(ParcelNotHere, match="运输中"):
        given(station, make.sent_on_parcel(station)[0], keeper)
    with pytest.raises(ParcelNotHere):
        given(station, at_branch(station), keeper)


def test_what_nobody_collects_rides_back_and_the_branch_may_deliver_it(station, keeper, branch):
    box = make.waiting_parcel(station)
    hand_over.send_back(station, box.number, reason=Reason.NOT_COLLECTED, by=keeper.id, now=MORNING)
    assert hand_over.counts(station.id) == (0, 1)
    with pytest.raises(ParcelNotHere):
        given(station, box, keeper)
    assert session.scalars(dispatch.ready_inward(station.id)).all() == [box]
    bag = make.departed_dispatch([box], station, branch)
    assert (Code.DEPARTED, station.id) in [(scan.code, scan.station_id) for scan in scans.of_parcel(box.id)]
    reconciliation.receive(bag, [box.number], by=None, now=MORNING)
    assert (box.status, box.destination_station_id) == (S.ARRIVED, None)
    assert clean() == {}
    assert {offer.station.id: offer.boxes for offer in forwarding.offers(branch.head_id)}[station.id] == [box]
    delivery.deliver(box, proof=ProofKind.SIGNED, by=None, now=MORNING)
    assert clean() == {}


def test_what_the_van_left_at_the_branch_can_be_bagged_again(station, branch):
    first, second = at_branch(station), at_branch(station)
    head = branch.head_id
    forwarding.send_on(station, [first.number, second.number], by=head, now=MORNING)
    van = make.run(branch, station)
    runs.load(van, [first.number], by=None, now=MORNING)
    runs.depart(van, by=None, now=MORNING, reason="车满")
    assert (first.status, second.status) == (S.IN_TRANSIT, S.FORWARDED)
    assert [offer.boxes for offer in forwarding.offers(head)] == [[second]]
    again = forwarding.send_on(station, [second.number], by=head, now=MORNING)
    assert [box.number for box, _state in dispatch.manifest(again)] == [second.number]
    assert clean() == {}


def test_a_box_taken_off_the_van_waits_at_the_branch_as_before(station, branch):
    box = at_branch(station)
    forwarding.send_on(station, [box.number], by=branch.head_id, now=MORNING)
    van = make.run(branch, station)
    runs.load(van, [box.number], by=None, now=MORNING)
    runs.unload(van, box, by=None, now=MORNING, reason="装错")
    assert box.status is S.FORWARDED
    assert clean() == {}


def test_a_short_one_that_never_rode_along_stands_at_the_branch_again(station, branch):
    box, bag = make.sent_on_parcel(station)
    reconciliation.receive(bag, [], by=None, now=MORNING)
    (row,) = reconciliation.differences(bag)
    reconciliation.explain(row, cause=Cause.LEFT_BEHIND, by=None, now=MORNING)
    session.refresh(box)
    assert box.status is S.FORWARDED
    assert [offer.boxes for offer in forwarding.offers(branch.head_id)] == [[box]]
    assert clean() == {}


def test_the_shelf_shows_the_longest_waiting_first_a_page_at_a_time_and_finds_a_tail(station):
    days = [MORNING.replace(day=day, tzinfo=LOCAL) for day in (14, 13, 15)]
    boxes = [make.waiting_parcel(station, now=day) for day in days]
    first = hand_over.shelf(station, limit=2)
    assert [row.parcel for row in first.items] == [boxes[1], boxes[0]]
    assert [row.since for row in first.items] == [days[1], days[0]]
    rest = hand_over.shelf(station, limit=2, after=boxes[0].id)
    assert ([row.parcel for row in rest.items], rest.next) == ([boxes[2]], None)
    assert len(hand_over.shelf(station, tail="1234").items) == 3
    assert hand_over.shelf(station, tail="9999").items == []


def test_a_parcel_that_was_never_counted_in_at_its_station_is_named(station):
    make.sent_on_parcel(station)
    session.execute(text("UPDATE parcels SET status = 'arrived' WHERE status = 'in_transit'"))
    assert "what waits at a station was counted in there" in clean()
