"""What must always be true of money that came in and went back, as queries that return the rows that break it."""

from collections.abc import Iterator

KEPT = "outcome IN ('paid', 'retaken')"

UNPOSTED_PAYMENTS = """
    SELECT payment.id, payment.amount_minor FROM payments payment
    LEFT JOIN ledger_transactions posting ON posting.key = 'payment:' || payment.id
    LEFT JOIN ledger_entries entry ON entry.transaction_id = posting.id AND entry.amount_minor > 0
    WHERE (payment.status = 'succeeded') <> (posting.id IS NOT NULL)
       OR (payment.status = 'succeeded' AND entry.amount_minor IS DISTINCT FROM payment.amount_minor)
"""

PAID_WITHOUT_MONEY = f"""
    SELECT one.id, one.number FROM orders one
    WHERE one.external_number IS NULL AND one.total_minor > 0
      AND (one.paid_at IS NOT NULL) <> EXISTS (SELECT FROM payments WHERE order_id = one.id AND {KEPT})
"""

MONEY_WITHOUT_OUTCOME = f"""
    SELECT payment.id, payment.outcome FROM payments payment
    WHERE payment.status = 'succeeded' AND NOT {KEPT} AND payment.refunded_minor < payment.amount_minor
"""

REFUNDED_OF_PAYMENT = """
    SELECT payment.id, payment.refunded_minor FROM payments payment
    LEFT JOIN (SELECT payment_id, sum(amount_minor) AS total FROM refunds GROUP BY payment_id) went
      ON went.payment_id = payment.id
    WHERE payment.refunded_minor <> coalesce(went.total, 0)
"""

REFUNDED_OF_LINE = """
    SELECT line.id, line.refunded_minor FROM order_lines line JOIN orders one ON one.id = line.order_id
    LEFT JOIN (SELECT line_id, sum(amount_minor) AS total FROM refund_lines GROUP BY line_id) went
      ON went.line_id = line.id
    WHERE one.external_number IS NULL AND line.refunded_minor <> coalesce(went.total, 0)
"""

REFUNDED_OF_ORDER = """
    SELECT one.id, one.number FROM orders one
    LEFT JOIN (SELECT order_id, sum(refunded_minor) AS total FROM order_lines GROUP BY order_id) lines
      ON lines.order_id = one.id
    WHERE one.external_number IS NULL AND one.refunded_minor <> coalesce(lines.total, 0)
"""

REFUND_IS_ITS_LINES = """
    SELECT refund.id, refund.amount_minor FROM refunds refund
    JOIN (SELECT refund_id, sum(amount_minor) AS total FROM refund_lines GROUP BY refund_id) lines
      ON lines.refund_id = refund.id
    WHERE lines.total <> refund.amount_minor
"""

UNPOSTED_REFUNDS = """
    SELECT refund.id, refund.status FROM refunds refund
    WHERE NOT EXISTS (SELECT FROM ledger_transactions WHERE key = 'refund:' || refund.id)
       OR (refund.status = 'succeeded') AND NOT EXISTS (
            SELECT FROM ledger_transactions WHERE key = 'refund:' || refund.id || ':sent:' || refund.attempt)
"""

OWED_TO_BUYERS = """
    WITH owed AS (
        SELECT CASE payment.method WHEN 'cash' THEN 'refunds:cash' ELSE 'refunds:stripe' END AS account,
               sum(refund.amount_minor) AS minor
        FROM refunds refund JOIN payments payment ON payment.id = refund.payment_id
        WHERE refund.status <> 'succeeded' GROUP BY 1
    ), booked AS (
        SELECT account, -sum(amount_minor) AS minor FROM ledger_entries
        WHERE account IN ('refunds:cash', 'refunds:stripe') GROUP BY account
    )
    SELECT account, owed.minor AS owed_minor, booked.minor AS booked_minor FROM owed FULL JOIN booked USING (account)
    WHERE coalesce(owed.minor, 0) <> coalesce(booked.minor, 0)
"""

CLEARING = """
    WITH stripe AS (
        SELECT coalesce((SELECT sum(amount_minor) FROM payments WHERE status = 'succeeded' AND method <> 'cash'), 0)
             - coalesce((SELECT sum(refund.amount_minor) FROM refunds refund
                         JOIN payments payment ON payment.id = refund.payment_id
                         WHERE refund.status = 'succeeded' AND payment.method <> 'cash'), 0) AS minor
    ), booked AS (
        SELECT coalesce(sum(amount_minor), 0) AS minor FROM ledger_entries WHERE account = 'stripe:clearing'
    )
    SELECT stripe.minor AS taken_minor, booked.minor AS booked_minor FROM stripe, booked
    WHERE stripe.minor <> booked.minor
"""

STEPS = """
    SELECT payment.id, payment.status FROM payments payment
    WHERE NOT EXISTS (SELECT FROM payment_moves WHERE payment_id = payment.id AND became = payment.status)
    UNION ALL
    SELECT refund.id, refund.status FROM refunds refund
    WHERE NOT EXISTS (SELECT FROM refund_moves WHERE refund_id = refund.id AND became = refund.status)
"""

UNWORKED_EVENTS = """
    SELECT id, kind FROM stripe_events WHERE outcome IS NULL AND received_at < now() - interval '1 hour'
"""


MEND_PAYMENTS = """
    UPDATE payments payment SET refunded_minor = coalesce(
        (SELECT sum(amount_minor) FROM refunds WHERE payment_id = payment.id), 0)
    WHERE refunded_minor <> coalesce((SELECT sum(amount_minor) FROM refunds WHERE payment_id = payment.id), 0)
"""

MEND_LINES = """
    UPDATE order_lines line SET refunded_minor = coalesce(
        (SELECT sum(amount_minor) FROM refund_lines WHERE line_id = line.id), 0)
    FROM orders one
    WHERE one.id = line.order_id AND one.external_number IS NULL
      AND line.refunded_minor <> coalesce((SELECT sum(amount_minor) FROM refund_lines WHERE line_id = line.id), 0)
"""

MEND_ORDERS = """
    UPDATE orders one SET refunded_minor = lines.total
    FROM (SELECT order_id, sum(refunded_minor) AS total FROM order_lines GROUP BY order_id) lines
    WHERE lines.order_id = one.id AND one.external_number IS NULL AND one.refunded_minor <> lines.total
"""


def checks() -> Iterator[tuple[str, str]]:
    """Name of an invariant → SQL whose rows break it."""
    yield "every payment that succeeded is in the books once, with its amount", UNPOSTED_PAYMENTS
    yield "an order is paid exactly when one payment is kept for it", PAID_WITHOUT_MONEY
    yield "money that could pay for nothing goes back", MONEY_WITHOUT_OUTCOME
    yield "what was refunded of a payment is the sum of its refunds", REFUNDED_OF_PAYMENT
    yield "what was refunded of a line is the sum of its refunds", REFUNDED_OF_LINE
    yield "what was refunded of an order is the sum of its lines", REFUNDED_OF_ORDER
    yield "a refund is the sum of its lines", REFUND_IS_ITS_LINES
    yield "every refund is in the books", UNPOSTED_REFUNDS
    yield "what the books owe to buyers is what is on its way to them", OWED_TO_BUYERS
    yield "what the books have at Stripe is what Stripe took less what it returned", CLEARING
    yield "every step of a payment or refund left its row", STEPS
    yield "every event of Stripe is worked within the hour", UNWORKED_EVENTS


def repairs() -> dict[str, str]:
    """Name of an invariant → SQL that derives its figures anew from rows that are never changed."""
    return {
        "what was refunded of a payment is the sum of its refunds": MEND_PAYMENTS,
        "what was refunded of a line is the sum of its refunds": MEND_LINES,
        "what was refunded of an order is the sum of its lines": MEND_ORDERS,
    }
