"""What must always be true of live sale, as queries that return the rows that break it."""

from collections.abc import Iterator

_SUMS = """
    SELECT offer_id, sum(pool_delta) AS pool, sum(held_delta) AS held, sum(sold_delta) AS sold
    FROM offer_movements GROUP BY offer_id
"""

FIGURES = f"""
    SELECT offer.id, offer.number FROM live_offers offer LEFT JOIN ({_SUMS}) moved ON moved.offer_id = offer.id
    WHERE (offer.pool, offer.held, offer.sold)
          IS DISTINCT FROM (coalesce(moved.pool, 0), coalesce(moved.held, 0), coalesce(moved.sold, 0))
"""

BOUNDS = """
    SELECT id, number FROM live_offers WHERE least(held, sold) < 0 OR held + sold > pool
"""

PRICES = """
    SELECT offer.id, offer.number FROM live_offers offer
    WHERE offer.price_minor NOT IN (
        SELECT moved.price_minor FROM offer_movements moved
        WHERE moved.offer_id = offer.id AND moved.price_minor IS NOT NULL
        ORDER BY moved.at DESC FETCH FIRST ROW WITH TIES)
"""

PINNED = """
    SELECT room.id, room.title FROM live_sessions room
    WHERE EXISTS (SELECT FROM live_pins WHERE session_id = room.id) <> (room.status <> 'planned' AND EXISTS (
        SELECT FROM (SELECT offer_id FROM live_pins WHERE session_id = room.id
                     ORDER BY at DESC FETCH FIRST ROW WITH TIES) last
        WHERE last.offer_id IS NOT DISTINCT FROM room.pinned_offer_id))
       OR (room.pinned_offer_id IS NOT NULL AND room.status <> 'on_air')
"""
"""Ties are kept: two rows of one instant have no order, and either may be the last."""

MEND_FIGURES = f"""
    UPDATE live_offers offer SET pool = moved.pool, held = moved.held, sold = moved.sold
    FROM ({_SUMS}) moved
    WHERE moved.offer_id = offer.id
      AND (offer.pool, offer.held, offer.sold) IS DISTINCT FROM (moved.pool, moved.held, moved.sold)
"""


def checks() -> Iterator[tuple[str, str]]:
    """Name of an invariant → SQL whose rows break it."""
    yield "offer figures are the sums of their movements", FIGURES
    yield "no offer promises more than its pool", BOUNDS
    yield "an offer's price is the last that was set", PRICES
    yield "what is pinned is the last that was pinned", PINNED


def repairs() -> dict[str, str]:
    """Name of an invariant → SQL that mends it from the rows it can be derived from."""
    return {"offer figures are the sums of their movements": MEND_FIGURES}
