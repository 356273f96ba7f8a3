"""Rooms: what everybody in a live session may see at this moment. Public facts only."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text

from core.clock import LOCAL, local_day
from core.db import session
from shop.offers import LEFT_PACKS


def _statement(which_offers: str) -> TextClause:
    return text(f"""
        SELECT room.id AS session_id, room.status AS room_status, offer.id AS offer_id, offer.number,
               product.name AS product_name, pack.id AS pack_id, pack.name AS pack_name, pack.net_g,
               offer.price_minor, offer.currency, offer.per_buyer_limit, offer.opens_at, offer.closes_at,
               coalesce(offer.ships_from, pack.ships_from) AS ships_from,
               coalesce(offer.ships_by, pack.ships_by) AS ships_by,
               offer.status, {LEFT_PACKS} AS left_packs
        FROM live_sessions room
        LEFT JOIN live_offers offer ON {which_offers}
        LEFT JOIN packs pack ON pack.id = offer.pack_id
        LEFT JOIN products product ON product.id = pack.product_id
        WHERE room.id = ANY(CAST(:ids AS uuid[]))
        ORDER BY offer.number
    """)


_PINNED = _statement("offer.id = room.pinned_offer_id")
_ALL = _statement("offer.session_id = room.id")


def now_showing(session_ids: Collection[UUID], *, now: datetime) -> dict[UUID, dict[str, Any]]:
    """State of sessions in one query: `{"status", "pinned": offer or None}`. Those that do not exist are left out."""
    rows = session.execute(_PINNED, _asked(session_ids, now))
    return {row.session_id: {"status": row.room_status, "pinned": _pinned(row)} for row in rows}


def offers_of(session_id: UUID, *, now: datetime) -> list[dict[str, Any]]:
    """Every offer of a session by number, with what is left of it."""
    return [_offer(row) for row in session.execute(_ALL, _asked([session_id], now)) if row.offer_id]


def _asked(session_ids: Collection[UUID], now: datetime) -> dict[str, Any]:
    return {"ids": list(session_ids), "day": local_day(now)}


def _pinned(row: Row[Any]) -> dict[str, Any] | None:
    return {**_offer(row), "offer_id": str(row.offer_id), "pack_id": str(row.pack_id)} if row.offer_id else None


def _offer(row: Row[Any]) -> dict[str, Any]:
    return {
        "offer_id": row.offer_id,
        "number": row.number,
        "name": row.product_name,
        "pack_id": row.pack_id,
        "pack": row.pack_name,
        "net_g": row.net_g,
        "price_minor": row.price_minor,
        "currency": row.currency,
        "per_buyer_limit": row.per_buyer_limit,
        "opens_at": _told(row.opens_at),
        "closes_at": _told(row.closes_at),
        "ships_from": _day(row.ships_from),
        "ships_by": _day(row.ships_by),
        "status": str(row.status),
        "left": row.left_packs,
    }


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(LOCAL).isoformat()


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
