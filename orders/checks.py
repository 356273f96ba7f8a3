"""What must always be true of orders and books, as queries that return the rows that break it."""

from collections.abc import Iterator

TOTALS = """
    SELECT one.id, one.number FROM orders one
    JOIN (SELECT order_id, sum(total_minor) AS total_minor, sum(refunded_minor) AS refunded_minor
          FROM order_lines GROUP BY order_id) lines ON lines.order_id = one.id
    WHERE (one.total_minor, one.refunded_minor) IS DISTINCT FROM (lines.total_minor, lines.refunded_minor)
"""

SPLITS = """
    SELECT line.id, one.number FROM order_lines line JOIN orders one ON one.id = line.order_id
    LEFT JOIN (SELECT line_id, sum(amount_minor) AS total_minor FROM line_splits GROUP BY line_id) parts
      ON parts.line_id = line.id
    WHERE coalesce(parts.total_minor, 0) <> line.total_minor
"""

MOVES = """
    SELECT coalesce(one.id, steps.order_id) AS id, coalesce(one.number, steps.status) FROM (
        SELECT order_id, status, sum(step) AS here FROM (
            SELECT order_id, became AS status, 1 AS step FROM order_moves
            UNION ALL
            SELECT order_id, was, -1 FROM order_moves WHERE was IS NOT NULL
        ) each GROUP BY order_id, status
    ) steps
    FULL JOIN orders one ON one.id = steps.order_id AND one.status = steps.status
    WHERE coalesce(steps.here, 0) <> CASE WHEN one.id IS NULL THEN 0 ELSE 1 END
"""
"""An order came into every state as often as it left it, but for the one in which it is."""

_WAITING = "SELECT id FROM orders WHERE status = 'awaiting_payment'"
_TO_SEND = """
    SELECT line.lot_id, line.offer_id, line.net_g, link.left_at
    FROM order_parcels link JOIN order_lines line ON line.id = link.line_id WHERE link.withdrawn_at IS NULL
"""

HELD = f"""
    SELECT lot.id, lot.code FROM harvest_lots lot
    LEFT JOIN (SELECT lot_id, sum(net_g * quantity) AS grams FROM order_lines WHERE order_id IN ({_WAITING})
               GROUP BY lot_id) waiting ON waiting.lot_id = lot.id
    LEFT JOIN (SELECT lot_id, sum(net_g) AS grams FROM ({_TO_SEND}) packs WHERE left_at IS NULL
               GROUP BY lot_id) paid ON paid.lot_id = lot.id
    WHERE (lot.held_g, lot.allocated_g) IS DISTINCT FROM (coalesce(waiting.grams, 0), coalesce(paid.grams, 0))
"""

POOLS = f"""
    SELECT offer.id, offer.number FROM live_offers offer
    LEFT JOIN (SELECT offer_id, sum(quantity) AS packs FROM order_lines WHERE order_id IN ({_WAITING})
               GROUP BY offer_id) waiting ON waiting.offer_id = offer.id
    LEFT JOIN (SELECT offer_id, count(*) AS packs FROM ({_TO_SEND}) packs GROUP BY offer_id) paid
      ON paid.offer_id = offer.id
    WHERE (offer.held, offer.sold) IS DISTINCT FROM (coalesce(waiting.packs, 0), coalesce(paid.packs, 0))
"""

_COUNTED = f"""
    SELECT one.buyer_id, coalesce(line.offer_id, line.pack_id) AS subject_id, sum(line.counted) AS quantity
    FROM (
        SELECT order_id, offer_id, pack_id, quantity AS counted FROM order_lines
        WHERE limited AND order_id IN ({_WAITING})
        UNION ALL
        SELECT line.order_id, line.offer_id, line.pack_id, 1 FROM order_lines line
        JOIN order_parcels link ON link.line_id = line.id AND link.withdrawn_at IS NULL WHERE line.limited
    ) line JOIN orders one ON one.id = line.order_id
    GROUP BY one.buyer_id, coalesce(line.offer_id, line.pack_id)
    UNION ALL
    SELECT buyer_id, buyer_id, count(*) FROM orders
    WHERE status = 'awaiting_payment' AND buyer_id IS NOT NULL GROUP BY buyer_id
"""

LIMITS = f"""
    SELECT coalesce(known.buyer_id, real.buyer_id) AS id, coalesce(known.subject_id, real.subject_id)
    FROM buyer_takes known FULL JOIN ({_COUNTED}) real USING (buyer_id, subject_id)
    WHERE coalesce(known.quantity, 0) <> coalesce(real.quantity, 0)
"""

MEND_LIMITS = f"""
    UPDATE buyer_takes known SET quantity = coalesce((
        SELECT real.quantity FROM ({_COUNTED}) real
        WHERE (real.buyer_id, real.subject_id) = (known.buyer_id, known.subject_id)), 0)
"""

PARCELS = """
    SELECT one.id, one.number FROM orders one
    JOIN (SELECT order_id, sum(quantity) AS packs FROM order_lines GROUP BY order_id) lines ON lines.order_id = one.id
    LEFT JOIN (SELECT order_id, count(*) AS boxes FROM order_parcels WHERE withdrawn_at IS NULL GROUP BY order_id) links
      ON links.order_id = one.id
    WHERE one.status IN ('paid', 'packing', 'shipped', 'delivered', 'completed')
      AND coalesce(links.boxes, 0) <> lines.packs
"""

PRESALES = """
    SELECT parcel.id, parcel.number, one.number FROM parcels parcel
    JOIN order_parcels link ON link.parcel_id = parcel.id JOIN orders one ON one.id = link.order_id
    WHERE parcel.pack_from IS DISTINCT FROM one.ships_from
"""

ENDED = """
    SELECT one.id, one.number FROM orders one
    WHERE one.status IN ('shipped', 'delivered')
      AND EXISTS (SELECT FROM order_parcels WHERE order_id = one.id AND returned_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM order_parcels WHERE order_id = one.id AND withdrawn_at IS NULL
                      AND delivered_at IS NULL AND returned_at IS NULL)
"""

BALANCED = """
    SELECT transaction_id AS id, sum(amount_minor) FROM ledger_entries
    GROUP BY transaction_id, currency HAVING sum(amount_minor) <> 0
"""

WHOLE = """
    SELECT posting.id, posting.key FROM ledger_transactions posting
    WHERE (SELECT count(*) FROM ledger_entries WHERE transaction_id = posting.id AND at = posting.at) < 2
      AND EXISTS (SELECT FROM ledger_entries WHERE transaction_id = posting.id)
"""

SHARED_OUT = """
    SELECT one.id, one.number FROM orders one
    LEFT JOIN ledger_transactions posting ON posting.key = 'order:' || one.id || ':completed'
    WHERE posting.id IS NULL AND one.status = 'completed'
      AND EXISTS (SELECT FROM order_lines WHERE order_id = one.id AND total_minor > refunded_minor)
"""

ADVANCES = """
    SELECT coalesce(paid.buyer_id, account.owner_id) AS id, account.code FROM (
        SELECT buyer_id, sum(total_minor - refunded_minor) AS minor FROM orders
        WHERE buyer_id IS NOT NULL AND status IN ('paid', 'packing', 'shipped', 'delivered') GROUP BY buyer_id
    ) paid
    FULL JOIN (SELECT account.owner_id, account.code, sum(entry.amount_minor) AS minor
               FROM ledger_accounts account JOIN ledger_entries entry ON entry.account = account.code
               WHERE account.code LIKE 'buyer:%' GROUP BY account.code) account ON account.owner_id = paid.buyer_id
    WHERE coalesce(paid.minor, 0) + coalesce(account.minor, 0) <> 0
"""

CHANNELS = """
    SELECT account AS id, coalesce(sold.minor, 0), coalesce(booked.minor, 0) FROM (
        SELECT 'channel:' || channel AS account,
               sum(CASE WHEN paid_at IS NULL THEN 0 ELSE total_minor END - refunded_minor) AS minor
        FROM orders WHERE external_number IS NOT NULL GROUP BY channel
    ) sold
    FULL JOIN (SELECT account, sum(amount_minor) AS minor FROM ledger_entries WHERE account LIKE 'channel:%'
               GROUP BY account) booked USING (account)
    WHERE coalesce(sold.minor, 0) <> coalesce(booked.minor, 0)
"""


def checks() -> Iterator[tuple[str, str]]:
    """Name of an invariant → SQL whose rows break it."""
    yield "an order's total and refund are those of its lines", TOTALS
    yield "the shares of a line add up to its total", SPLITS
    yield "an order's moves lead step by step to where it is", MOVES
    yield "a lot holds and has allocated what its orders wait for", HELD
    yield "a live offer holds and has sold what its orders took", POOLS
    yield "buyers' limits count the orders that there are", LIMITS
    yield "a paid order has a parcel for each of its packs", PARCELS
    yield "the boxes of a presale wait for the days that were agreed", PRESALES
    yield "an order whose last parcel came back has an end", ENDED
    yield "every posting adds up to zero", BALANCED
    yield "every posting has its entries at its own time", WHOLE
    yield "a completed order's money is shared out", SHARED_OUT
    yield "a buyer's account holds what was paid and not yet delivered", ADVANCES
    yield "a platform owes what its orders say", CHANNELS


def repairs() -> dict[str, str]:
    """Name of an invariant → SQL that mends it from the rows it can be derived from."""
    return {"buyers' limits count the orders that there are": MEND_LIMITS}
