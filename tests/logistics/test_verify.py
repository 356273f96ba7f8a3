"""Verify: a true story breaks nothing, and each broken invariant names its row."""

import pytest
from sqlalchemy import text

from core.db import session
from logistics import delivery, dispatch, reconciliation, verify
from logistics.delivery import ProofKind
from tests import make
from tests.make.parcels import MORNING


def broken() -> dict[str, int]:
    """How many rows break which invariant."""
    counts = {name: len(session.execute(text(sql)).all()) for name, sql in verify.checks()}
    return {name: count for name, count in counts.items() if count}


def story():
    """Boxes in every state, one short, one delivered."""
    station = make.station()
    make.parcel(station)
    make.labelled_parcel(station)
    boxes = [make.staged_parcel(station) for _box in range(3)]
    branch = session.get_one(dispatch.Branch, station.branch_id)
    bag = make.departed_dispatch(boxes, station, branch)
    reconciliation.receive(bag, [box.number for box in boxes[:2]], by=None, now=MORNING)
    delivery.deliver(boxes[0], proof=ProofKind.SIGNED, by=None, now=MORNING)
    return boxes


def test_a_true_story_breaks_nothing():
    story()
    assert broken() == {}


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        ("UPDATE labels SET voided_at = now()", "a parcel under way has exactly one valid label"),
        ("DELETE FROM discrepancies", "announced is matched and short, and every shortage has its row"),
        ("UPDATE parcels SET gross_g = 9000, net_g = 9000 - tare_g WHERE net_g > 0",
         "a parcel's weight is one that a scale showed"),
        ("UPDATE parcels SET status = 'out_for_delivery' WHERE status = 'arrived'",
         "every state of a parcel left its scan"),
        ("UPDATE parcels SET status = 'arrived' WHERE status = 'delivered'", "what is delivered has its proof"),
        ("UPDATE dispatches SET status = 'departed'; UPDATE parcels SET status = 'staged' WHERE status = 'in_transit'",
         "staged is loaded and left behind"),
    ],
)  # fmt: skip
def test_damage_is_found_and_named(damage, name):
    story()
    for statement in damage.split("; "):
        session.execute(text(statement))
    assert name in broken()
