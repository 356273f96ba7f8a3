"""Stock: hold, release, allocate, ship. Each verb moves any number of lots in one statement, or none of them.

The caller sums what several lines draw on one lot and passes grams per lot. Rows are locked in id order, so two orders
may wait for each other but never deadlock; what is left is read under that lock; the figures and their movement rows
are written by the same statement. The lock is held until the caller's transaction ends: keep it short.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm.util import identity_key

from core.clock import local_day
from core.db import new_id, session, swift
from core.errors import Conflict
from core.i18n import _
from shop.lots import HarvestLot, LotSoldOut, LotStatus, LotUnknown, unfit
from shop.movements import Cause
from shop.presale import Days


class StockMismatch(Conflict):
    """Less is held or allocated than was to be taken from there: the order was moved twice."""

    message = _("库存对不上：这一批没有留那么多货。")


@dataclass(frozen=True)
class Verb:
    """How one verb moves the figures: the sign of each delta, and whether the lot must be for sale."""

    cause: Cause
    held: int = 0
    allocated: int = 0
    gone: int = 0
    sells: bool = False


HOLD = Verb(Cause.HOLD, held=+1, sells=True)
RELEASE = Verb(Cause.RELEASE, held=-1)
ALLOCATE = Verb(Cause.ALLOCATE, held=-1, allocated=+1)
RETAKE = Verb(Cause.RETAKE, allocated=+1, sells=True)
UNALLOCATE = Verb(Cause.UNALLOCATE, allocated=-1)
SHIP = Verb(Cause.SHIP, allocated=-1, gone=+1)

Grams = Mapping[UUID, int]
"""Lot → grams, summed by the caller."""

Leaving = Mapping[UUID, Days]
"""Lot → the days in which it must be there, where those are not today (`shop.presale`)."""
TODAY: Leaving = {}


def hold(grams: Grams, *, reference: str, now: datetime, by: UUID | None = None, leaving: Leaving = TODAY) -> None:
    """Keep produce for an order that waits for its payment.

    Raises LotSoldOut with what is left, LotPastDate, LotNotReady, LotClosed, LotUnknown; then nothing was taken.
    """
    _move(HOLD, grams, reference, now, by, leaving)


def release(grams: Grams, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """Give back what was held. Raises StockMismatch."""
    _move(RELEASE, grams, reference, now, by)


def allocate_held(grams: Grams, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """What was held is paid. Raises StockMismatch."""
    _move(ALLOCATE, grams, reference, now, by)


def retake(grams: Grams, *, reference: str, now: datetime, by: UUID | None = None, leaving: Leaving = TODAY) -> None:
    """Take produce for an order that was paid after its hold had ended. Raises as `hold` does."""
    _move(RETAKE, grams, reference, now, by, leaving)


def unallocate(grams: Grams, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """Give back what was paid for and has not left. Raises StockMismatch."""
    _move(UNALLOCATE, grams, reference, now, by)


def ship(grams: Grams, *, reference: str, now: datetime, by: UUID | None = None) -> None:
    """What was allocated has left the station.

    A box that really left is never argued with: if the scale had shown less than leaves, the figures stop at zero and
    `shipped_g` tells the truth. Raises StockMismatch.
    """
    _move(SHIP, grams, reference, now, by)


def lock(lot_ids: Collection[UUID]) -> None:
    """Take lots in id order. The figures are read by a later statement, whose snapshot sees them as they are now.

    One statement that locks a row and changes it would, when it had to wait, go on from the row as it was before and
    lock it once more: then two of them wait for each other.
    """
    swift(_LOCK, {"lot_ids": list(lot_ids)})


_LOCK = text("SELECT FROM harvest_lots WHERE id = ANY(:lot_ids) ORDER BY id FOR NO KEY UPDATE")

_STATEMENT = text("""
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:lot_ids AS uuid[]), CAST(:grams AS bigint[]), CAST(:movement_ids AS uuid[]),
                         CAST(:first_days AS date[]), CAST(:last_days AS date[]))
                  AS wanted (lot_id, grams, movement_id, first_day, last_day)
), found AS MATERIALIZED (
    SELECT lot.id, wanted.grams, wanted.movement_id, lot.status, lot.ready_on, lot.best_before,
           greatest(0, lot.ceiling_g - lot.held_g - lot.allocated_g) AS left_g,
           CASE WHEN :sells THEN lot.status = :open AND lot.ready_on <= wanted.last_day
                                 AND lot.best_before >= wanted.first_day
                                 AND wanted.grams <= lot.ceiling_g - lot.held_g - lot.allocated_g
                ELSE lot.held_g + :held * wanted.grams >= 0 AND lot.allocated_g + :allocated * wanted.grams >= 0
           END AS fits,
           least(lot.on_hand_g, :gone * wanted.grams) AS on_hand_loss_g,
           least(lot.ceiling_g, :gone * wanted.grams) AS ceiling_loss_g
    FROM harvest_lots lot JOIN wanted ON wanted.lot_id = lot.id
), moved AS (
    UPDATE harvest_lots lot
    SET held_g = lot.held_g + :held * found.grams,
        allocated_g = lot.allocated_g + :allocated * found.grams,
        on_hand_g = lot.on_hand_g - found.on_hand_loss_g,
        ceiling_g = lot.ceiling_g - found.ceiling_loss_g,
        shipped_g = lot.shipped_g + :gone * found.grams,
        short_g = greatest(0, lot.held_g + lot.allocated_g + (:held + :allocated) * found.grams
                              - lot.ceiling_g + found.ceiling_loss_g)
    FROM found
    WHERE lot.id = found.id AND (SELECT bool_and(fits) AND count(*) = cardinality(:lot_ids) FROM found)
    RETURNING lot.id, found.grams, found.movement_id, found.on_hand_loss_g, found.ceiling_loss_g
), recorded AS (
    INSERT INTO stock_movements
           (id, lot_id, cause, on_hand_delta_g, allocated_delta_g, held_delta_g, ceiling_delta_g, reference, at, by)
    SELECT movement_id, id, :cause, -on_hand_loss_g, :allocated * grams, :held * grams, -ceiling_loss_g,
           :reference, :now, CAST(:by AS uuid)
    FROM moved
)
SELECT id, left_g, fits, status, ready_on, best_before FROM found
""")


def _move(verb: Verb, grams: Grams, reference: str, now: datetime, by: UUID | None, leaving: Leaving = TODAY) -> None:
    if any(amount <= 0 for amount in grams.values()):
        raise ValueError("grams must be above zero")
    session.flush()
    today = local_day(now)
    days = [leaving.get(lot) or Days(today, today) for lot in grams]
    lock(grams)
    rows = swift(
        _STATEMENT,
        {
            "lot_ids": list(grams),
            "grams": list(grams.values()),
            "movement_ids": [new_id(now) for _lot in grams],
            "open": LotStatus.OPEN.value,
            "first_days": [one.first for one in days],
            "last_days": [one.last for one in days],
            "cause": verb.cause.value,
            "held": verb.held,
            "allocated": verb.allocated,
            "gone": verb.gone,
            "sells": verb.sells,
            "reference": reference,
            "now": now,
            "by": by,
        },
    )
    _forget(grams)
    if len(rows) < len(grams):
        raise LotUnknown()
    for row in rows:
        if not row.fits:
            raise _refusal(verb, row, leaving.get(row.id) or Days(today, today))


def _refusal(verb: Verb, row: Any, days: Days) -> Conflict:
    """Why this lot could not give what was asked."""
    if not verb.sells:
        return StockMismatch(lot_id=row.id)
    return unfit(row, days) or LotSoldOut(left_g=row.left_g, lot_id=row.id)


def _forget(lot_ids: Grams) -> None:
    """Copies of these lots in the session are old now and are read again when asked for."""
    for lot_id in lot_ids:
        copy = session.identity_map.get(identity_key(HarvestLot, lot_id))
        if copy is not None:
            session.expire(copy)
