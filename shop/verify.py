"""What must always be true of lots, live offers and shelves, as queries that return the rows that break it."""

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


_SHOWN = """
    SELECT offer_id, sum(pool_delta) AS pool, sum(held_delta) AS held, sum(sold_delta) AS sold
    FROM offer_movements GROUP BY offer_id
"""

OFFERS = f"""
    SELECT offer.id, offer.number FROM live_offers offer LEFT JOIN ({_SHOWN}) moved ON moved.offer_id = offer.id
    WHERE (offer.pool, offer.held, offer.sold)
          IS DISTINCT FROM (coalesce(moved.pool, 0), coalesce(moved.held, 0), coalesce(moved.sold, 0))
"""

SHELVES = """
    SELECT coalesce(stock.station_id, moved.station_id) AS station_id, coalesce(stock.barcode, moved.barcode) AS barcode
    FROM shelf_stock stock
    FULL JOIN (SELECT station_id, barcode, sum(delta_units) AS units FROM shelf_movements GROUP BY station_id, barcode)
              moved ON (moved.station_id, moved.barcode) = (stock.station_id, stock.barcode)
    WHERE coalesce(stock.on_hand_units, 0) <> coalesce(moved.units, 0)
"""

MEND_OFFERS = f"""
    UPDATE live_offers offer SET pool = moved.pool, held = moved.held, sold = moved.sold
    FROM ({_SHOWN}) moved
    WHERE moved.offer_id = offer.id
      AND (offer.pool, offer.held, offer.sold) IS DISTINCT FROM (moved.pool, moved.held, moved.sold)
"""

MEND_SHELVES = """
    UPDATE shelf_stock stock SET on_hand_units = moved.units
    FROM (SELECT station_id, barcode, sum(delta_units) AS units FROM shelf_movements GROUP BY station_id, barcode) moved
    WHERE (moved.station_id, moved.barcode) = (stock.station_id, stock.barcode) AND stock.on_hand_units <> moved.units
"""


def checks() -> Iterator[tuple[str, str]]:
    """Name of an invariant → SQL whose rows break it."""
    yield "lot figures are the sums of their movements", FIGURES
    yield "no lot promises more than its ceiling and its recorded shortage", BOUNDS
    yield "every shortage of a lot was recorded", SHORTAGES
    yield "what a lot shipped is what its movements shipped", SHIPPED
    yield "offer figures are the sums of their movements", OFFERS
    yield "what stands on a shelf is the sum of its movements", SHELVES


def repairs() -> dict[str, str]:
    """Name of an invariant → SQL that mends it from the rows it can be derived from."""
    return {
        "lot figures are the sums of their movements": MEND_FIGURES,
        "what a lot shipped is what its movements shipped": MEND_SHIPPED,
        "offer figures are the sums of their movements": MEND_OFFERS,
        "what stands on a shelf is the sum of its movements": MEND_SHELVES,
    }
