"""Delivery: with proof, with a reason when it fails, and told to the sender once."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError

from core.db import session
from core.errors import IllegalMove
from core.sealed import PersonalAccess, ReasonMissing
from logistics import delivery, events, recipients, scans
from logistics.delivery import Collector, CollectorNameMissing, DeliveryProof, ProofKind, Reason
from logistics.moves import ParcelStatus
from tests import make
from tests.make.parcels import MORNING

S = ParcelStatus


def handed(box, **given):
    return delivery.deliver(box, proof=ProofKind.SIGNED, by=None, now=MORNING, **given)


def test_a_parcel_is_handed_over_with_proof_and_the_sender_hears_of_it(monkeypatch):
    heard = []
    monkeypatch.setattr(events.parcel_delivered, "_listeners", [lambda parcel, *, now: heard.append(parcel.status)])
    box = make.arrived_parcel()
    delivery.out_for_delivery(box, by=None, now=MORNING)
    proof = handed(box)
    assert (box.status, proof.collector, proof.collector_sealed) == (S.DELIVERED, Collector.SELF, None)
    assert heard == [S.DELIVERED]


def test_nothing_is_delivered_twice():
    box = make.arrived_parcel()
    handed(box)
    with pytest.raises(IllegalMove):
        handed(box)


def test_what_is_not_there_yet_is_not_delivered():
    with pytest.raises(IllegalMove):
        handed(make.staged_parcel())


def test_a_proxy_gives_his_name_and_it_is_kept_sealed():
    box = make.arrived_parcel()
    with pytest.raises(CollectorNameMissing):
        handed(box, collector=Collector.NEIGHBOUR, collector_name=" ")
    proof = handed(box, collector=Collector.NEIGHBOUR, collector_name="李大山")
    assert "李大山".encode() not in proof.collector_sealed


def test_a_proof_cannot_be_changed_afterwards():
    box = make.arrived_parcel()
    handed(box)
    with pytest.raises(ProgrammingError, match="only ever added"), session.begin_nested():
        session.execute(DeliveryProof.__table__.update().values(note="x"))


def test_a_failed_attempt_says_why_and_is_tried_again():
    box = make.arrived_parcel()
    delivery.out_for_delivery(box, by=None, now=MORNING)
    delivery.attempt_failed(box, reason=Reason.NOT_HOME, by=None, now=MORNING)
    assert box.status is S.ARRIVED
    assert {(scan.code, scan.note) for scan in scans.of_parcel(box.id)} >= {("EMH", "not_home")}
    delivery.out_for_delivery(box, by=None, now=MORNING)


def test_what_is_refused_goes_back():
    box = make.arrived_parcel()
    delivery.send_back(box, reason=Reason.REFUSED, by=None, now=MORNING)
    assert box.status is S.RETURNED


def test_the_door_is_shown_for_a_reason_only_and_the_look_is_kept():
    box, carrier = make.arrived_parcel(), make.user()
    with pytest.raises(ReasonMissing):
        recipients.revealed(box, reason=" ", by=carrier.id, now=MORNING)
    clear = recipients.revealed(box, reason="上门派送", by=carrier.id, now=MORNING)
    assert (clear.name, clear.phone, clear.detail) == ("王小明", "+8613800001234", "麓山南路2号3栋401")
    looks = session.scalars(select(PersonalAccess).where(PersonalAccess.viewer_id == carrier.id)).all()
    assert len(looks) == 3
