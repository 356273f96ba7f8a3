"""Rooms: what everybody in a live session may see at this moment. Public facts only."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from core.clock import local_day
from core.db import session
from shop.offers import LEFT

_STATEMENT = text(f"""
SELECT room.id, room.status, offer.id AS offer_id, offer.number, product.name AS product_name, pack.name AS pack_name,
       offer.price_minor, offer.currency, offer.per_buyer_limit, figures.packs AS left_packs
FROM live_sessions room
LEFT JOIN live_offers offer ON offer.id = room.pinned_offer_id
LEFT JOIN packs pack ON pack.id = offer.pack_id
LEFT JOIN products product ON product.id = pack.product_id
LEFT JOIN LATERAL ({LEFT} WHERE offer.id = room.pinned_offer_id) figures ON true
WHERE room.id = ANY(CAST(:ids AS uuid[]))
""")


def now_showing(session_ids: Collection[UUID], *, now: datetime) -> dict[UUID, dict[str, Any]]:
    """State of the sessions in one query; sessions that do not exist are left out.

    `{"status": …, "pinned": None | {"offer_id", "number", "name", "pack", "price_minor", "currency", "per_buyer_limit",
    "left"}}`
    """
    rows = session.execute(_STATEMENT, {"ids": list(session_ids), "day": local_day(now)})
    return {row.id: {"status": row.status, "pinned": _pinned(row) if row.offer_id else None} for row in rows}


def _pinned(row: Any) -> dict[str, Any]:
    return {
        "offer_id": str(row.offer_id),
        "number": row.number,
        "name": row.product_name,
        "pack": row.pack_name,
        "price_minor": row.price_minor,
        "currency": row.currency,
        "per_buyer_limit": row.per_buyer_limit,
        "left": row.left_packs,
    }
