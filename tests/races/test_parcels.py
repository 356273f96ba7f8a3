"""Two hands at one box: real threads, real commits, one outcome."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

from sqlalchemy import func, select

from core.db import session, transaction
from core.errors import Conflict
from logistics import dispatch, numbers, packing, parcels, reconciliation
from logistics.labels import issue
from logistics.labels.issue import Label
from logistics.scans import TrackingEvent
from tests import make
from tests.make.parcels import MORNING

HANDS = 6


def together(deed) -> list[object]:
    """What each of six hands got who did it at the same moment: a result, or the refusal."""
    start = Barrier(HANDS)

    def one(hand: int) -> object:
        start.wait()
        try:
            with transaction():
                return deed(hand)
        except Conflict as refusal:
            return refusal

    with ThreadPoolExecutor(HANDS) as pool:
        return list(pool.map(one, range(HANDS)))


def test_no_number_is_given_twice(race_db):
    with transaction():
        branches = [make.branch().id, make.branch().id]
    taken = together(lambda hand: numbers.next_parcel_numbers(branches[hand % 2], 50))
    assert len({number for batch in taken for number in batch}) == HANDS * 50


def test_one_box_is_packed_once(race_db):
    with transaction():
        number = make.parcel().number
    results = together(lambda _hand: packing.pack(parcels.by_number(number), by=None, now=MORNING))
    assert results.count(None) == 1
    with transaction():
        packed = select(func.count()).where(TrackingEvent.code == "PCK")
        assert session.scalar(packed) == 1


def test_one_box_gets_one_label(race_db):
    with transaction():
        box = make.parcel()
        packing.pack(box, by=None, now=MORNING)
        packing.weigh(box, gross_g=2_850, by=None, now=MORNING)
        number = box.number
    together(lambda _hand: issue.label(parcels.by_number(number), by=None, now=MORNING).prints)
    with transaction():
        assert session.scalar(select(func.count()).select_from(Label)) == 1


def test_a_dispatch_counted_by_many_is_counted_once(race_db):
    with transaction():
        station = make.station()
        boxes = [make.staged_parcel(station) for _box in range(4)]
        bag = make.departed_dispatch(boxes, station, session.get_one(dispatch.Branch, station.branch_id))
        found, scanned = bag.id, [box.number for box in boxes]

    def count_in(_hand: int) -> reconciliation.Reconciliation:
        return reconciliation.receive(
            session.get_one(dispatch.Dispatch, UUID(str(found))), scanned, by=None, now=MORNING
        )

    assert len(set(together(count_in))) == 1
    with transaction():
        arrivals = select(func.count()).where(TrackingEvent.code == "EMD")
        assert session.scalar(arrivals) == len(scanned)
