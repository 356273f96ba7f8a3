"""The report of a live session: what was ordered, how much of it came back, and when it was busiest.

Every query starts from the session's own orders by their index, so that it costs what the session sold, whatever the
house has sold besides. Orders that were cancelled or expired are counted apart, and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from core.clock import LOCAL
from core.db import session


@dataclass(frozen=True)
class Report:
    """Figures of one session. Gross is the price of what was paid, net is without what went back."""

    orders: int
    unpaid_orders: int
    lost_orders: int
    """Cancelled, or never paid in time."""
    packs: int
    net_g: int
    gross_minor: int
    refunded_minor: int
    peak_orders: int
    """Orders of the busiest second, those among them that were lost later."""
    peak_at: datetime | None
    boxes_to_pack: int
    late_boxes: int
    """Boxes not packed although the van that they were promised to has gone."""
    offers: Sequence[Row[Any]]
    segments: Sequence[Row[Any]]

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.refunded_minor


_KEPT = "one.status NOT IN ('cancelled', 'expired')"

_ORDERS = text(f"""
    SELECT count(*) FILTER (WHERE {_KEPT}) AS orders,
           count(*) FILTER (WHERE one.status = 'awaiting_payment') AS unpaid_orders,
           count(*) FILTER (WHERE NOT {_KEPT}) AS lost_orders,
           coalesce(sum(one.total_minor) FILTER (WHERE one.paid_at IS NOT NULL), 0) AS gross_minor,
           coalesce(sum(one.refunded_minor), 0) AS refunded_minor
    FROM orders one WHERE one.session_id = :session_id
""")

_PEAK = text("""
    SELECT date_trunc('second', placed_at) AS peak_at, count(*) AS peak_orders
    FROM orders WHERE session_id = :session_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1
""")

_BOXES = text("""
    SELECT count(*) AS boxes_to_pack, count(*) FILTER (WHERE parcel.pack_by < :now) AS late_boxes
    FROM orders one
    JOIN order_parcels link ON link.order_id = one.id AND link.withdrawn_at IS NULL AND link.left_at IS NULL
    JOIN parcels parcel ON parcel.id = link.parcel_id AND parcel.status = 'registered'
    WHERE one.session_id = :session_id AND one.status IN ('paid', 'packing')
""")

_OFFERS = text(f"""
    SELECT offer.number, product.name AS product_name, pack.name AS pack_name, offer.pool, offer.held, offer.sold,
           coalesce(bought.orders, 0) AS orders, coalesce(bought.packs, 0) AS packs,
           coalesce(bought.net_g, 0) AS net_g, coalesce(bought.total_minor, 0) AS total_minor,
           coalesce(bought.refunded_minor, 0) AS refunded_minor
    FROM live_offers offer
    JOIN packs pack ON pack.id = offer.pack_id
    JOIN products product ON product.id = pack.product_id
    LEFT JOIN (
        SELECT line.offer_id, count(DISTINCT one.id) AS orders, sum(line.quantity) AS packs,
               sum(line.quantity::bigint * line.net_g) AS net_g, sum(line.total_minor) AS total_minor,
               sum(line.refunded_minor) AS refunded_minor
        FROM orders one JOIN order_lines line ON line.order_id = one.id
        WHERE one.session_id = :session_id AND {_KEPT} AND line.offer_id IS NOT NULL GROUP BY line.offer_id
    ) bought ON bought.offer_id = offer.id
    WHERE offer.session_id = :session_id ORDER BY offer.number
""")

_SEGMENTS = text(f"""
    SELECT offer.number, pin.at AS begins_at, pin.ends_at, coalesce(heard.orders, 0) AS orders,
           coalesce(heard.total_minor, 0) AS total_minor
    FROM (SELECT id, offer_id, at, lead(at) OVER (ORDER BY at, id) AS ends_at
          FROM live_pins WHERE session_id = :session_id) pin
    JOIN live_offers offer ON offer.id = pin.offer_id
    LEFT JOIN (
        SELECT began.id, count(*) AS orders, sum(one.total_minor) AS total_minor
        FROM orders one
        CROSS JOIN LATERAL (SELECT id FROM live_pins WHERE session_id = :session_id AND at <= one.placed_at
                            ORDER BY at DESC, id DESC LIMIT 1) began
        WHERE one.session_id = :session_id AND {_KEPT} GROUP BY began.id
    ) heard ON heard.id = pin.id
    ORDER BY pin.at DESC, pin.id DESC LIMIT :most
""")
SEGMENTS_MAX = 500


def of_session(session_id: UUID, *, now: datetime) -> Report:
    """The report as it stands; it changes as long as payments, refunds and boxes do."""
    asked = {"session_id": session_id}
    sums = session.execute(_ORDERS, asked).one()
    peak = session.execute(_PEAK, asked).one_or_none()
    boxes = session.execute(_BOXES, asked | {"now": now}).one()
    offers = session.execute(_OFFERS, asked).all()
    return Report(
        orders=sums.orders,
        unpaid_orders=sums.unpaid_orders,
        lost_orders=sums.lost_orders,
        packs=sum(int(row.packs) for row in offers),
        net_g=sum(int(row.net_g) for row in offers),
        gross_minor=int(sums.gross_minor),
        refunded_minor=int(sums.refunded_minor),
        peak_orders=peak.peak_orders if peak else 0,
        peak_at=peak.peak_at.astimezone(LOCAL) if peak else None,
        boxes_to_pack=boxes.boxes_to_pack,
        late_boxes=boxes.late_boxes,
        offers=offers,
        segments=session.execute(_SEGMENTS, asked | {"most": SEGMENTS_MAX}).all()[::-1],
    )
