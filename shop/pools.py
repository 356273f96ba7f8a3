"""Pools: hold, release and sell packs of live offers. Each verb moves any number of offers, or none of them.

As in `shop.stock`, which guards the grams behind the same packs: the caller sums what several lines take of one offer,
rows are locked in id order, what is left is read under that lock, and figures and movements are one statement.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm.util import identity_key

from core.db import new_id, session, swift
from core.errors import Conflict
from core.i18n import _
from shop.live import NotOnAir, SessionStatus, changed_for_viewers
from shop.offer_movements import OfferCause
from shop.offers import LiveOffer, OfferStatus, OfferStopped, OfferUnknown


class OfferSoldOut(Conflict):
    """The pool has less left than was asked for."""

    message = _("{number} 号链接只剩 {left} 件。")


class PoolMismatch(Conflict):
    """Less is held or sold than was to be taken from there: the order was moved twice."""

    message = _("库存对不上：这个链接没有留那么多货。")


@dataclass(frozen=True)
class Verb:
    """How one verb moves the figures; `takes` from what is left, `sells` only while the offer is open and on air."""

    cause: OfferCause
    held: int = 0
    sold: int = 0
    takes: bool = False
    sells: bool = False


HOLD = Verb(OfferCause.HOLD, held=+1, takes=True, sells=True)
RELEASE = Verb(OfferCause.RELEASE, held=-1)
SELL = Verb(OfferCause.SELL, held=-1, sold=+1)
RETAKE = Verb(OfferCause.RETAKE, sold=+1, takes=True)
UNSELL = Verb(OfferCause.UNSELL, sold=-1)

Packs = Mapping[UUID, int]
"""Offer → packs, summed by the caller."""


def hold(quantities: Packs, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """Keep packs for an order that waits for its payment.

    Raises OfferSoldOut with what is left, OfferStopped, NotOnAir, OfferUnknown; then nothing was taken.
    """
    _move(HOLD, quantities, reference, now, by)


def release(quantities: Packs, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """Give back what was held. Raises PoolMismatch."""
    _move(RELEASE, quantities, reference, now, by)


def sell(quantities: Packs, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """What was held is paid; this needs nobody on air any more. Raises PoolMismatch."""
    _move(SELL, quantities, reference, now, by)


def retake(quantities: Packs, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """Take packs for an order that was paid after its hold had ended, also after the session. Raises OfferSoldOut."""
    _move(RETAKE, quantities, reference, now, by)


def unsell(quantities: Packs, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """Give back what was paid for and has not left. Raises PoolMismatch."""
    _move(UNSELL, quantities, reference, now, by)


def lock(offer_ids: Collection[UUID]) -> None:
    """Take offers in id order, by a statement of its own (`shop.stock.lock` says why)."""
    swift(_LOCK, {"offer_ids": list(offer_ids)})


_LOCK = text("SELECT FROM live_offers WHERE id = ANY(:offer_ids) ORDER BY id FOR NO KEY UPDATE")

_STATEMENT = text("""
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:offer_ids AS uuid[]), CAST(:packs AS integer[]), CAST(:movement_ids AS uuid[]))
                  AS wanted (offer_id, packs, movement_id)
), found AS MATERIALIZED (
    SELECT offer.id, offer.session_id, offer.number, offer.status, room.status AS room_status,
           wanted.packs, wanted.movement_id, offer.pool - offer.held - offer.sold AS left_packs,
           (NOT :takes OR wanted.packs <= offer.pool - offer.held - offer.sold)
           AND (NOT :sells OR offer.status = :open AND room.status = :on_air)
           AND offer.held + :held * wanted.packs >= 0 AND offer.sold + :sold * wanted.packs >= 0 AS fits
    FROM live_offers offer
    JOIN wanted ON wanted.offer_id = offer.id
    JOIN live_sessions room ON room.id = offer.session_id
), moved AS (
    UPDATE live_offers offer
    SET held = offer.held + :held * found.packs, sold = offer.sold + :sold * found.packs
    FROM found
    WHERE offer.id = found.id AND (SELECT bool_and(fits) AND count(*) = cardinality(:offer_ids) FROM found)
    RETURNING offer.id, found.packs, found.movement_id
), recorded AS (
    INSERT INTO offer_movements
           (id, offer_id, cause, pool_delta, held_delta, sold_delta, reference, at, by)
    SELECT movement_id, id, :cause, 0, :held * packs, :sold * packs, :reference, :now, CAST(:by AS uuid)
    FROM moved
)
SELECT id, session_id, number, status, room_status, left_packs, fits FROM found
""")


def _move(verb: Verb, quantities: Packs, reference: str, now: datetime, by: UUID | None) -> None:
    if any(packs <= 0 for packs in quantities.values()):
        raise ValueError("packs must be above zero")
    session.flush()
    lock(quantities)
    rows = swift(
        _STATEMENT,
        {
            "offer_ids": list(quantities),
            "packs": list(quantities.values()),
            "movement_ids": [new_id(now) for _offer in quantities],
            "open": OfferStatus.OPEN.value,
            "on_air": SessionStatus.ON_AIR.value,
            "cause": verb.cause.value,
            "held": verb.held,
            "sold": verb.sold,
            "takes": verb.takes,
            "sells": verb.sells,
            "reference": reference,
            "now": now,
            "by": by,
        },
    )
    _forget(quantities)
    if len(rows) < len(quantities):
        raise OfferUnknown()
    for row in rows:
        if not row.fits:
            raise _refusal(verb, row)
    for session_id in {row.session_id for row in rows}:
        changed_for_viewers(session_id)


def _refusal(verb: Verb, row: Any) -> Conflict:
    """Why this offer could not give what was asked."""
    if verb.sells and row.room_status != SessionStatus.ON_AIR:
        return NotOnAir()
    if verb.sells and row.status != OfferStatus.OPEN:
        return OfferStopped(number=row.number)
    if verb.takes:
        return OfferSoldOut(number=row.number, left=row.left_packs, offer_id=row.id)
    return PoolMismatch(offer_id=row.id)


def _forget(offer_ids: Packs) -> None:
    """Copies of these offers in the session are old now and are read again when asked for."""
    for offer_id in offer_ids:
        copy = session.identity_map.get(identity_key(LiveOffer, offer_id))
        if copy is not None:
            session.expire(copy)
