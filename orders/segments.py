"""Talk segments: what the host talked about when an order was placed, read from the log of pins.

The time decides, not the offer: an order of number 3 that comes while 5 is pinned belongs to the segment of 5, as the
talk about 5 is what its buyer heard. A segment begins with its pin and ends right before the next one. Nothing of it is
stored with the order, so that placing it costs nothing more; the log of pins only grows, so the answer never changes.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from core.db import session
from orders.orders import Order


@dataclass(frozen=True)
class Segment:
    """One stretch of talk about one offer; without an end it goes on."""

    offer_id: UUID
    number: int
    begins_at: datetime
    ends_at: datetime | None


_AT = text("""
    SELECT pin.offer_id, offer.number, pin.at AS begins_at,
           (SELECT min(next.at) FROM live_pins next WHERE next.session_id = :session_id AND next.at > pin.at) AS ends_at
    FROM (SELECT offer_id, at FROM live_pins WHERE session_id = :session_id AND at <= :at
          ORDER BY at DESC, id DESC LIMIT 1) pin
    JOIN live_offers offer ON offer.id = pin.offer_id
""")
"""Two steps on the index of pins by session and time, however long the session was."""


def of_order(order: Order) -> Segment | None:
    """The segment that an order came from; none when it came by no session, or while nothing was pinned."""
    if order.session_id is None:
        return None
    row = session.execute(_AT, {"session_id": order.session_id, "at": order.placed_at}).one_or_none()
    return Segment(row.offer_id, row.number, row.begins_at, row.ends_at) if row else None
