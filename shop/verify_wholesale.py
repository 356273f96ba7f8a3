"""What must always be true of wholesale and of the shelves, as queries that return the rows that break it."""

from collections.abc import Iterator

TIERS = """
    SELECT high.offer_id, high.from_cases FROM supply_tiers high JOIN supply_tiers low USING (offer_id)
    WHERE low.from_cases < high.from_cases AND low.price_minor < high.price_minor
"""

FIRST_TIER = """
    SELECT offer.id, offer.barcode FROM supply_offers offer
    WHERE offer.min_cases IS DISTINCT FROM (SELECT min(from_cases) FROM supply_tiers WHERE offer_id = offer.id)
"""

TOTALS = """
    SELECT ordered.id, ordered.number FROM wholesale_orders ordered
    WHERE ordered.total_minor IS DISTINCT FROM (
        SELECT sum(total_minor) FROM wholesale_lines WHERE order_id = ordered.id)
"""

COUNTS = """
    SELECT ordered.id, ordered.number
    FROM wholesale_orders ordered JOIN wholesale_lines line ON line.order_id = ordered.id
    WHERE (ordered.status = 'received') <> (line.received_units IS NOT NULL)
       OR line.received_units + line.short_units + line.damaged_units <> line.units
"""

STEPS = """
    SELECT ordered.id, ordered.number FROM wholesale_orders ordered
    WHERE NOT EXISTS (SELECT FROM wholesale_moves WHERE order_id = ordered.id AND to_status = ordered.status)
"""

SHELVES = """
    SELECT coalesce(stock.station_id, moved.station_id) AS station_id, coalesce(stock.barcode, moved.barcode) AS barcode
    FROM shelf_stock stock
    FULL JOIN (SELECT station_id, barcode, sum(delta_units) AS units FROM shelf_movements
               GROUP BY station_id, barcode) moved USING (station_id, barcode)
    WHERE stock.on_hand_units IS DISTINCT FROM moved.units
"""

MEND_SHELVES = """
    UPDATE shelf_stock stock SET on_hand_units = moved.units
    FROM (SELECT station_id, barcode, sum(delta_units) AS units FROM shelf_movements GROUP BY station_id, barcode) moved
    WHERE moved.station_id = stock.station_id AND moved.barcode = stock.barcode AND stock.on_hand_units <> moved.units
"""


def checks() -> Iterator[tuple[str, str]]:
    """Name of an invariant → SQL whose rows break it."""
    yield "no price of goods rises with the quantity", TIERS
    yield "tiers of goods begin at the smallest order", FIRST_TIER
    yield "the total of a wholesale order is that of its lines", TOTALS
    yield "ordered goods are received, short or damaged", COUNTS
    yield "a wholesale order stands where its last step led", STEPS
    yield "shelf stock is the sum of its movements", SHELVES


def repairs() -> dict[str, str]:
    """Name of an invariant → SQL that mends it from the rows it can be derived from."""
    return {"shelf stock is the sum of its movements": MEND_SHELVES}
