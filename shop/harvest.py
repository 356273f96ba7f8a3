"""The harvest as it really came: corrected estimates, the weigh-in, write-offs, and the shortage that may follow."""

from datetime import datetime
from typing import Any
from uuid import UUID

from core import audit
from core.db import new_id, session
from core.errors import Conflict
from core.i18n import _
from shop import events, lots, movements
from shop.lots import EstimateDisordered, HarvestLot
from shop.movements import Cause, HarvestShortage

ESTIMATE = {"low_g", "likely_g", "high_g", "sell_factor_bp"}


class LotWeighed(Conflict):
    """After the weigh-in the scale counts, not the estimate."""

    message = _("这一批已经过秤，估产不能再改。")


class WeighedBelowGone(Conflict):
    """More has left already, or was written off, than the scale is said to have shown."""

    message = _("已经发出和报损的就有 {gone_g} 克，过秤数不能比这还少。")


class WriteOffTooLarge(Conflict):
    """More is written off than there is."""

    message = _("这一批只有 {left_g} 克，报损不能更多。")


def weigh_in(lot: HarvestLot, *, weighed_g: int, by: UUID | None, now: datetime) -> HarvestLot:
    """Let the scale take the place of the estimate.

    `weighed_g` is all that was picked for this lot, boxes already gone and losses included; saying it again corrects
    it. If more is promised than is there, the difference is recorded as a shortage. Raises WeighedBelowGone.
    """
    lots.lock(lot)
    on_hand_g = weighed_g - lot.shipped_g - lot.lost_g
    if on_hand_g < 0:
        raise WeighedBelowGone(gone_g=lot.shipped_g + lot.lost_g)
    before = {"ceiling_g": lot.ceiling_g, "on_hand_g": lot.on_hand_g}
    lot.weighed_at = now
    _settle(lot, Cause.WEIGH_IN, on_hand_g=on_hand_g, ceiling_g=on_hand_g, by=by, now=now)
    audit.record(
        "lot:weigh_in", f"harvest_lots:{lot.id}", by=by, now=now, before=before, after={"weighed_g": weighed_g}
    )
    return lot


def write_off(lot: HarvestLot, *, grams: int, reason: str, by: UUID | None, now: datetime) -> HarvestLot:
    """Take spoilt produce out of the lot; before the weigh-in this lowers what may be promised.

    Raises WriteOffTooLarge.
    """
    lots.lock(lot)
    weighed = lot.weighed_at is not None
    if grams > lot.ceiling_g:
        raise WriteOffTooLarge(left_g=lot.ceiling_g)
    if weighed:
        lot.lost_g += grams
    on_hand_g = lot.on_hand_g - grams if weighed else lot.on_hand_g
    _settle(
        lot, Cause.WRITE_OFF, on_hand_g=on_hand_g, ceiling_g=lot.ceiling_g - grams, reference=reason, by=by, now=now
    )
    audit.record("lot:write_off", f"harvest_lots:{lot.id}", by=by, now=now, reason=reason, after={"grams": grams})
    return lot


def change(lot: HarvestLot, changes: dict[str, Any], *, by: UUID | None, now: datetime) -> HarvestLot:
    """Correct dates, status or, before the weigh-in, the estimate. Raises LotWeighed, EstimateDisordered."""
    lots.lock(lot)
    estimated = bool(changes.keys() & ESTIMATE)
    if estimated and lot.weighed_at is not None:
        raise LotWeighed()
    before = {field: getattr(lot, field) for field in changes}
    for field, value in changes.items():
        setattr(lot, field, value)
    if not lot.low_g <= lot.likely_g <= lot.high_g or lot.ready_on > lot.best_before:
        raise EstimateDisordered()
    if estimated:
        ceiling_g = max(0, lots.promise(lot.low_g, lot.sell_factor_bp) - lot.shipped_g)
        _settle(lot, Cause.ESTIMATE, on_hand_g=lot.on_hand_g, ceiling_g=ceiling_g, by=by, now=now)
    session.flush()
    audit.record("lot:change", f"harvest_lots:{lot.id}", by=by, now=now, before=before, after=changes)
    return lot


def _settle(
    lot: HarvestLot,
    cause: Cause,
    *,
    on_hand_g: int,
    ceiling_g: int,
    reference: str = "",
    by: UUID | None,
    now: datetime,
) -> None:
    """Set what is there and what may be promised; leave the movement and, if it lacks now, the shortage."""
    movements.record(
        lot.id,
        cause,
        on_hand_delta_g=on_hand_g - lot.on_hand_g,
        ceiling_delta_g=ceiling_g - lot.ceiling_g,
        reference=reference,
        by=by,
        now=now,
    )
    short_g = max(0, lot.held_g + lot.allocated_g - ceiling_g)
    missing_g = short_g - lot.short_g
    lot.on_hand_g, lot.ceiling_g, lot.short_g = on_hand_g, ceiling_g, short_g
    session.flush()
    if missing_g > 0:
        session.add(HarvestShortage(id=new_id(now), lot_id=lot.id, cause=cause, missing_g=missing_g, at=now, by=by))
        session.flush()
        events.harvest_short.send(lot.id, missing_g)
