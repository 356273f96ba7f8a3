"""Packing: fruit into the box, the box onto the scale, through the gate of the promised net weight."""

from datetime import datetime
from typing import Any
from uuid import UUID

from core.db import session
from core.errors import Malformed, Refusal
from core.i18n import _
from logistics import parcels, tariffs, weighings
from logistics.labels import issue
from logistics.moves import ParcelStatus
from logistics.parcels import Kind, Parcel
from logistics.scans import Code
from logistics.stations import Station
from logistics.weighings import Weighing

GROSS_MAX_G = 50_000
"""No box above 50 kg: two hands must be able to lift it."""
REASON_MAX = 200


class WeightBelowPromise(Refusal):
    """The box holds less than was sold. A reason lets it pass, and stays on the parcel."""

    message = _("净重 {net_g} 克，少于承诺的 {promised_net_g} 克，差 {missing_g} 克。补足，或写明原因。")


class ScaleReadingImpossible(Malformed):
    """No scale shows this: nothing left beside the tare, or heavier than a box may be."""

    message = _("毛重 {gross_g} 克不对：要大于皮重 {tare_g} 克，最多 {most_g} 克。")


def pack(parcel: Parcel, *, by: UUID | None, now: datetime) -> None:
    """The goods are in the box."""
    parcels.move(parcel, ParcelStatus.PACKED, Code.PACKED, by=by, now=now)


def weigh(
    parcel: Parcel,
    *,
    gross_g: int,
    tare_g: int | None = None,
    reason: str | None = None,
    scale: str = "",
    by: UUID | None,
    now: datetime,
) -> Weighing:
    """Put a packed box on the scale: net gate, postage frozen, reading kept.

    The tare is the box's own unless another is given. Raises ScaleReadingImpossible, WeightBelowPromise.
    """
    tare = parcel.tare_g if tare_g is None else tare_g
    net_g = gross_g - tare
    if tare < 0 or net_g <= 0 or gross_g > GROSS_MAX_G:
        raise ScaleReadingImpossible(gross_g=gross_g, tare_g=tare, most_g=GROSS_MAX_G)
    note = _gate(parcel, net_g, reason)
    quote = _postage(parcel, gross_g, now)
    shown = {"gross_g": gross_g, "tare_g": tare, "net_g": net_g}
    changes: dict[str, Any] = shown | {"weight_note": note, "quote": quote}
    parcels.move(parcel, ParcelStatus.WEIGHED, Code.WEIGHED, by=by, now=now, note=note or "", **changes)
    return weighings.keep(parcel.id, **shown, scale=scale, reason=note, by=by, now=now)


def _gate(parcel: Parcel, net_g: int, reason: str | None) -> str | None:
    """None where the promise is kept, else the reason why it may pass. Raises WeightBelowPromise."""
    promised = parcel.promised_net_g
    if promised is None or net_g >= promised:
        return None
    if not (reason or "").strip():
        raise WeightBelowPromise(net_g=net_g, promised_net_g=promised, missing_g=promised - net_g)
    return (reason or "").strip()[:REASON_MAX]


def _postage(parcel: Parcel, gross_g: int, now: datetime) -> dict[str, Any] | None:
    """What the post charges for this box, with its inputs; goods ride on the station's own account."""
    if parcel.kind == Kind.GOODS or parcel.station_id is None:
        return None
    origin = session.get_one(Station, parcel.station_id)
    fee = tariffs.quote(from_region=origin.region_code, to_region=parcel.region_code, weight_g=gross_g, now=now)
    return fee.as_json()


def reopen(parcel: Parcel, *, by: UUID | None, now: datetime, reason: str) -> None:
    """Open a weighed or labelled box again: what the scale said and the label are void."""
    parcels.move(
        parcel,
        ParcelStatus.PACKED,
        Code.PACKED,
        by=by,
        now=now,
        note=reason,
        gross_g=None,
        net_g=None,
        weight_note=None,
        quote=None,
    )
    issue.void(parcel, now=now)
