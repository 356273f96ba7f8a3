"""`verify` finds a figure that does not follow from its movements, and mends what can be derived."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.db import session
from shop import harvest, shelf, stock, verify
from tests import make
from tests.make.shop import MORNING


def broken() -> dict[str, int]:
    found = {name: len(session.execute(text(query)).all()) for name, query in verify.checks()}
    return {name: rows for name, rows in found.items() if rows}


@pytest.fixture
def lot_id():
    """A lot with a life behind it."""
    lot = make.lot(low_g=10_000)
    stock.hold({lot.id: 5_000}, reference="a", now=MORNING)
    stock.allocate_held({lot.id: 2_500}, reference="a", now=MORNING)
    stock.ship({lot.id: 2_500}, reference="a", now=MORNING)
    harvest.weigh_in(lot, weighed_g=9_000, by=None, now=MORNING)
    harvest.write_off(lot, grams=5_000, reason="hail", by=None, now=MORNING)
    return lot.id


def test_true_books_have_nothing_to_report(lot_id) -> None:
    assert broken() == {}


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("held_g = held_g - 100, short_g = short_g - 100", "lot figures are the sums of their movements"),
        ("shipped_g = shipped_g + 1", "what a lot shipped is what its movements shipped"),
    ],
)
def test_damage_is_found_and_mended(lot_id, damage: str, check: str) -> None:
    session.execute(text(f"UPDATE harvest_lots SET {damage} WHERE id = :id"), {"id": lot_id})
    assert broken() == {check: 1}
    session.execute(text(verify.repairs()[check]))
    assert broken() == {}


def test_an_offer_whose_figures_moved_by_themselves_is_found_and_mended() -> None:
    make.live_offer()
    session.execute(text("UPDATE live_offers SET pool = pool + 7"))
    name = "offer figures are the sums of their movements"
    assert broken() == {name: 1}
    session.execute(text(verify.repairs()[name]))
    assert broken() == {}


def test_a_shelf_that_holds_more_than_came_is_found_and_mended() -> None:
    water = shelf.Goods(barcode="6901234567892", name="矿泉水", unit="瓶", units=24)
    shelf.put(make.station().id, [water], reference="W1", by=make.user().id, now=MORNING)
    assert broken() == {}
    session.execute(text("UPDATE shelf_stock SET on_hand_units = 25"))
    name = "what stands on a shelf is the sum of its movements"
    assert broken() == {name: 1}
    session.execute(text(verify.repairs()[name]))
    assert broken() == {}


def test_a_shortage_that_was_never_recorded_is_found(lot_id) -> None:
    session.execute(text("SET LOCAL xiaoxiang.repair = 'on'"))
    session.execute(text("DELETE FROM harvest_shortages"))
    assert broken() == {"every shortage of a lot was recorded": 1}


@pytest.mark.parametrize("table", ["stock_movements", "harvest_shortages"])
@pytest.mark.parametrize("deed", ["DELETE FROM {}", "UPDATE {} SET at = now()", "TRUNCATE {}"])
def test_rows_of_proof_are_only_ever_added(lot_id, table: str, deed: str) -> None:
    with pytest.raises(DBAPIError, match="only ever added"):
        session.execute(text(deed.format(table)))


@pytest.mark.parametrize(
    "damage", ["held_g = -1", "allocated_g = -1", "held_g = 100000", "short_g = 0", "ceiling_g = ceiling_g + 1"]
)
def test_the_database_itself_refuses_impossible_figures(lot_id, damage: str) -> None:
    with pytest.raises(DBAPIError, match="violates check constraint"):
        session.execute(text(f"UPDATE harvest_lots SET {damage} WHERE id = :id"), {"id": lot_id})
