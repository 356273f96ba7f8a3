"""Packing and weighing: the promise of net weight holds, and every step leaves its scan."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from core.clock import local_day
from core.db import session
from core.errors import IllegalMove
from logistics import packing, parcels, scans, staging, weighings
from logistics.labels import issue
from logistics.moves import ENDED, NEXT, ParcelStatus
from logistics.packing import ScaleReadingImpossible, WeightBelowPromise
from logistics.parcels import ParcelMovedMeanwhile
from tests import make
from tests.make.parcels import MORNING


def packed(**given):
    box = make.parcel(**given)
    packing.pack(box, by=None, now=MORNING)
    return box


def test_a_registered_box_has_a_number_and_hides_its_recipient():
    box = make.parcel()
    assert box.status is ParcelStatus.REGISTERED
    assert box.phone_tail == "1234"
    assert "王小明".encode() not in box.name_sealed


def test_many_boxes_are_registered_in_the_order_given():
    station = make.station()
    wanted = [parcels.NewParcel(station.id, f"order {i}", make.address(), "桃", 2_500, 300, None) for i in range(25)]
    made = parcels.register_many(wanted, now=MORNING)
    assert [box.reference for box in made] == [f"order {i}" for i in range(25)]
    assert len({box.number for box in made}) == 25
    assert [scan.code for scan in scans.of_parcel(made[7].id)] == ["REG"]


def test_no_box_starts_at_an_unknown_station():
    with pytest.raises(parcels.NotFound):
        parcels.register(
            station_id=make.missing_id(), reference=None, recipient=make.address(), contents="桃",
            promised_net_g=1, tare_g=1, pack_by=None, now=MORNING,
        )  # fmt: skip


def test_goods_go_to_a_shelf_and_name_no_person():
    station = make.station()
    box = parcels.register(
        station_id=None, destination_station_id=station.id, reference="W1", recipient=None, contents="食用油 12瓶",
        promised_net_g=None, tare_g=500, pack_by=None, kind="goods", now=MORNING,
    )  # fmt: skip
    assert box.name_sealed is None
    assert box.branch_id == station.branch_id


def test_a_box_is_packed_weighed_labelled_and_staged():
    box = make.staged_parcel()
    assert box.net_g == 2_550
    assert box.quote["fee_minor"] > 0
    assert [scan.code for scan in scans.of_parcel(box.id)] == ["REG", "PCK", "WGT", "LBL", "EMA"]


@pytest.mark.parametrize("wanted", [ParcelStatus.WEIGHED, ParcelStatus.LABELLED, ParcelStatus.DELIVERED])
def test_no_step_is_skipped(wanted):
    box = make.parcel()
    with pytest.raises(IllegalMove):
        parcels.move(box, wanted, scans.Code.WEIGHED, by=None, now=MORNING)


def test_what_has_ended_stays_ended():
    assert set(ENDED) == {ParcelStatus.DELIVERED, ParcelStatus.RETURNED, ParcelStatus.CANCELLED}
    assert set(NEXT) == set(ParcelStatus)


def test_a_step_by_another_hand_in_between_is_noticed():
    box = make.parcel()
    session.execute(text("UPDATE parcels SET status = 'cancelled' WHERE id = :id"), {"id": box.id})
    with pytest.raises(ParcelMovedMeanwhile):
        packing.pack(box, by=None, now=MORNING)


def test_a_box_below_its_promise_does_not_pass_the_gate():
    box = packed()
    with pytest.raises(WeightBelowPromise) as refused:
        packing.weigh(box, gross_g=2_799, by=None, now=MORNING)
    assert refused.value.facts["missing_g"] == 1
    assert box.status is ParcelStatus.PACKED
    assert weighings.of_parcel(box.id) == []


def test_a_reason_lets_it_pass_and_stays_on_the_box():
    box = packed()
    packing.weigh(box, gross_g=2_700, reason=" 买家同意少装 ", by=None, now=MORNING)
    assert box.weight_note == "买家同意少装"
    assert weighings.of_parcel(box.id)[0].reason == "买家同意少装"


def test_a_blank_reason_is_none():
    with pytest.raises(WeightBelowPromise):
        packing.weigh(packed(), gross_g=2_700, reason="  ", by=None, now=MORNING)


def test_another_tare_counts_for_this_box():
    box = packed()
    packing.weigh(box, gross_g=2_850, tare_g=350, by=None, now=MORNING)
    assert (box.tare_g, box.net_g) == (350, 2_500)


@pytest.mark.parametrize(("gross", "tare"), [(300, 300), (299, 300), (50_001, 300), (3_000, -1)])
def test_readings_that_no_scale_shows_are_refused(gross, tare):
    with pytest.raises(ScaleReadingImpossible):
        packing.weigh(packed(), gross_g=gross, tare_g=tare, by=None, now=MORNING)


def test_the_database_itself_keeps_the_gate():
    box = packed()
    with pytest.raises(IntegrityError, match="net_gate"), session.begin_nested():
        session.execute(
            text("UPDATE parcels SET status = 'weighed', gross_g = 2000, net_g = 1700 WHERE id = :id"), {"id": box.id}
        )


@pytest.mark.parametrize("table", ["weighings", "tracking_events"])
def test_readings_and_scans_are_only_ever_added(table):
    make.staged_parcel()
    with pytest.raises(ProgrammingError, match="only ever added"), session.begin_nested():
        session.execute(text(f"DELETE FROM {table}"))


def test_an_opened_box_loses_weight_and_label_and_is_weighed_again():
    box = make.labelled_parcel()
    packing.reopen(box, by=None, now=MORNING, reason="换箱")
    assert box.status is ParcelStatus.PACKED
    assert box.net_g is None
    assert issue.active([box.id]) == {}
    packing.weigh(box, gross_g=2_900, by=None, now=MORNING)
    issue.label(box, by=None, now=MORNING)
    assert len(weighings.of_parcel(box.id)) == 2


def test_an_order_box_does_not_jump_over_the_scale_to_the_van():
    with pytest.raises(staging.OnlyGoodsSkipTheScale):
        staging.stage(make.parcel(), by=None, now=MORNING)


def test_the_board_counts_open_boxes_of_the_station_only():
    station = make.station()
    make.parcel(station)
    make.staged_parcel(station)
    parcels.cancel(make.parcel(station), by=None, now=MORNING)
    make.parcel()
    counts = parcels.board(station.id, day=local_day(MORNING))
    assert counts[ParcelStatus.REGISTERED] == 1
    assert counts[ParcelStatus.STAGED] == 1
    assert sum(counts.values()) == 2


def test_a_cancelled_box_has_no_valid_label():
    box = make.labelled_parcel()
    parcels.cancel(box, by=None, now=MORNING, reason="退款")
    assert issue.active([box.id]) == {}
    assert scans.of_parcel(box.id)[-1].note == "退款"
