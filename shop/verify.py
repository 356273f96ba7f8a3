"""What must always be true of the stock, as queries that return the rows that break it."""

from collections.abc import Iterator

_SUMS = """
    SELECT lot_id, sum(on_hand_delta_g) AS on_hand_g, sum(allocated_delta_g) AS allocated_g,
           sum(held_delta_g) AS held_g, sum(ceiling_delta_g) AS ceiling_g
    FROM stock_movements GROUP BY lot_id
"""

FIGURES = f"""
    SELECT lot.id, lot.code FROM harvest_lots lot LEFT JOIN ({_SUMS}) moved ON moved.lot_id = lot.id
    WHERE (lot.on_hand_g, lot.allocated_g, lot.held_g, lot.ceiling_g)
          IS DISTINCT FROM (coalesce(moved.on_hand_g, 0), coalesce(moved.allocated_g, 0),
                            coalesce(moved.held_g, 0), coalesce(moved.ceiling_g, 0))
"""

BOUNDS = """
    SELECT id, code FROM harvest_lots
    WHERE least(held_g, allocated_g, on_hand_g, ceiling_g, short_g, shipped_g, lost_g) < 0
       OR short_g <> greatest(0, held_g + allocated_g - ceiling_g)
       OR (weighed_at IS NOT NULL AND ceiling_g <> on_hand_g)
"""

SHORTAGES = """
    SELECT lot.id, lot.code FROM harvest_lots lot
    WHERE lot.short_g > (SELECT coalesce(sum(missing_g), 0) FROM harvest_shortages WHERE lot_id = lot.id)
"""

SHIPPED = """
    SELECT lot.id, lot.code FROM harvest_lots lot
    WHERE lot.shipped_g <> (SELECT coalesce(-sum(allocated_delta_g), 0) FROM stock_movements
                            WHERE lot_id = lot.id AND cause = 'ship')
"""

MEND_FIGURES = f"""
    UPDATE harvest_lots lot
    SET on_hand_g = moved.on_hand_g, allocated_g = moved.allocated_g, held_g = moved.held_g,
        ceiling_g = moved.ceiling_g, short_g = greatest(0, moved.held_g + moved.allocated_g - moved.ceiling_g)
    FROM ({_SUMS}) moved
    WHERE moved.lot_id = lot.id
      AND (lot.on_hand_g, lot.allocated_g, lot.held_g, lot.ceiling_g)
          IS DISTINCT FROM (moved.on_hand_g, moved.allocated_g, moved.held_g, moved.ceiling_g)
"""

MEND_SHIPPED = """
    UPDATE harvest_lots lot SET shipped_g = moved.shipped_g
    FROM (SELECT lot_id, -sum(allocated_delta_g) AS shipped_g FROM stock_movements WHERE cause = 'ship'
          GROUP BY lot_id) moved
    WHERE moved.lot_id = lot.id AND lot.shipped_g <> moved.shipped_g
"""


def checks() -> Iterator[tuple[str, str]]:
    """Name of an invariant → SQL whose rows break it."""
    yield "lot figures are the sums of their movements", FIGURES
    yield "no lot promises more than its ceiling and its recorded shortage", BOUNDS
    yield "every shortage of a lot was recorded", SHORTAGES
    yield "what a lot shipped is what its movements shipped", SHIPPED


def repairs() -> dict[str, str]:
    """Name of an invariant → SQL that mends it from the rows it can be derived from."""
    return {
        "lot figures are the sums of their movements": MEND_FIGURES,
        "what a lot shipped is what its movements shipped": MEND_SHIPPED,
    }
