"""Tariffs: what the post charges by weight and distance.

A tariff is data and never changes: a new price is a new tariff with a later first day. A parcel keeps the quote that it
was given, with everything that went into it, so that it can be reckoned again years later.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ScalarSelect, select
from sqlalchemy.orm import Mapped, mapped_column

from core import audit
from core.db import Id, Model, new_id, session
from core.errors import Conflict, Malformed
from core.i18n import _
from core.money import CURRENCY
from logistics import regions

DEFAULT = Path(__file__).parent / "data" / "tariff.json"
SIDE_MAX_MM = 3_000


class WeightImpossible(Malformed):
    """Nothing weighs this, or the tariff does not carry it."""

    message = _("重量 {weight_g} 克不收寄，最多 {most_g} 克。")


class SizeImpossible(Malformed):
    """A box has three sides of 1 mm to 3 m."""

    message = _("尺寸要有长、宽、高，各 1 到 3000 毫米。")


class TariffMissing(Conflict):
    """No price has been published for this way yet."""

    message = _("从“{origin}”到“{destination}”还没有资费，请联系管理员。")


class Tariff(Model):
    """One published version of the prices; the latest whose first moment has come is in force."""

    __tablename__ = "tariffs"
    __table_args__ = (CheckConstraint("divisor > 0 AND step_g > 0 AND weight_max_g > 0", name="positive"),)

    id: Mapped[Id]
    name: Mapped[str]
    valid_from: Mapped[datetime] = mapped_column(unique=True)
    currency: Mapped[str]
    divisor: Mapped[int]
    """Cubic centimetres that count as one kilogram; 6,000 is usual, 8,000 with ordinary express."""
    bulky_from_mm: Mapped[int]
    """Volume counts once the longest side has this length; 0 means always."""
    step_g: Mapped[int]
    """The chargeable weight is rounded up to a multiple of this."""
    weight_max_g: Mapped[int]


class TariffRate(Model):
    """The price of one way in one tariff. The finest region that contains a place decides."""

    __tablename__ = "tariff_rates"
    __table_args__ = (
        CheckConstraint("first_g > 0 AND unit_g > 0 AND first_minor >= 0 AND unit_minor >= 0", name="sensible"),
    )

    tariff_id: Mapped[UUID] = mapped_column(ForeignKey("tariffs.id"), primary_key=True)
    from_region: Mapped[str] = mapped_column(ForeignKey("regions.code"), primary_key=True)
    to_region: Mapped[str] = mapped_column(ForeignKey("regions.code"), primary_key=True)
    zone: Mapped[str]
    first_g: Mapped[int]
    first_minor: Mapped[int]
    unit_g: Mapped[int]
    unit_minor: Mapped[int]


@dataclass(frozen=True)
class Terms:
    """Everything that decides a fee, apart from the box itself."""

    divisor: int
    bulky_from_mm: int
    step_g: int
    first_g: int
    first_minor: int
    unit_g: int
    unit_minor: int


class Way(NamedTuple):
    """What a tariff says of the way between two regions."""

    zone: str
    terms: Terms


@dataclass(frozen=True)
class Prices:
    """A whole tariff in memory. A tariff never changes, so a process reads it once."""

    tariff_id: UUID
    name: str
    currency: str
    weight_max_g: int
    ways: Mapping[tuple[str, str], Way]

    def way(self, from_region: str, to_region: str) -> Way | None:
        """The terms of a way: the finest destination that is named decides, then the finest origin."""
        for destination in _around(to_region):
            for origin in _around(from_region):
                if (found := self.ways.get((origin, destination))) is not None:
                    return found
        return None

    def fee(self, from_region: str, to_region: str, weight_g: int) -> int | None:
        """Fen for a box of this weight, or None where the tariff has no price for it."""
        way = self.way(from_region, to_region)
        if way is None or not 1 <= weight_g <= self.weight_max_g:
            return None
        return charge(way.terms, chargeable(way.terms, weight_g))


@dataclass(frozen=True)
class Quote:
    """A fee as it was promised. `inputs` is plain JSON: the box, the way and the terms of that day."""

    fee_minor: int
    chargeable_g: int
    tariff_id: UUID
    inputs: dict[str, Any]
    currency: str = CURRENCY

    def as_json(self) -> dict[str, Any]:
        """The quote in the form in which a parcel keeps it."""
        return asdict(self) | {"tariff_id": str(self.tariff_id)}


def chargeable(terms: Terms, weight_g: int, size_mm: tuple[int, int, int] | None = None) -> int:
    """Grams to charge: the heavier of the scale and the volume, rounded up to the step.

    Volume in cubic centimetres over the divisor gives kilograms, so cubic millimetres over it give grams.
    """
    grams = weight_g
    if size_mm is not None and max(size_mm) >= terms.bulky_from_mm:
        length, width, height = size_mm
        grams = max(grams, _up(length * width * height, terms.divisor))
    return _up(grams, terms.step_g) * terms.step_g


def charge(terms: Terms, chargeable_g: int) -> int:
    """Fen for a chargeable weight: the first weight at its price, each further unit begun at its own."""
    return terms.first_minor + _up(max(0, chargeable_g - terms.first_g), terms.unit_g) * terms.unit_minor


def quote(
    *, from_region: str, to_region: str, weight_g: int, size_mm: tuple[int, int, int] | None = None, now: datetime
) -> Quote:
    """What a box costs on its way today.

    Raises RegionUnknown, WeightImpossible, SizeImpossible and TariffMissing.
    """
    origin, destination = regions.find(from_region), regions.find(to_region)
    if size_mm is not None and not (len(size_mm) == 3 and all(1 <= side <= SIDE_MAX_MM for side in size_mm)):
        raise SizeImpossible
    tariff_id = session.scalar(select(in_force_id(now)))
    prices = None if tariff_id is None else prices_of(tariff_id)
    way = None if prices is None else prices.way(from_region, to_region)
    if prices is None or way is None:
        raise TariffMissing(origin=origin.full_name, destination=destination.full_name)
    if not 1 <= weight_g <= prices.weight_max_g:
        raise WeightImpossible(weight_g=weight_g, most_g=prices.weight_max_g)
    grams = chargeable(way.terms, weight_g, size_mm)
    inputs = {"from_region": from_region, "to_region": to_region, "weight_g": weight_g, "zone": way.zone}
    inputs |= {"size_mm": list(size_mm) if size_mm else None, "tariff": prices.name, "terms": asdict(way.terms)}
    return Quote(charge(way.terms, grams), grams, prices.tariff_id, inputs, prices.currency)


def in_force_id(now: datetime) -> ScalarSelect[UUID]:
    """The tariff of a moment, to be asked along with something else."""
    begun = select(Tariff.id).where(Tariff.valid_from <= now)
    return begun.order_by(Tariff.valid_from.desc()).limit(1).scalar_subquery()


@lru_cache(maxsize=8)
def prices_of(tariff_id: UUID) -> Prices:
    """Everything that a tariff says, read once a process."""
    tariff = session.get_one(Tariff, tariff_id)
    ways = {}
    for rate in session.scalars(select(TariffRate).where(TariffRate.tariff_id == tariff_id)):
        terms = Terms(
            tariff.divisor, tariff.bulky_from_mm, tariff.step_g,
            rate.first_g, rate.first_minor, rate.unit_g, rate.unit_minor,
        )  # fmt: skip
        ways[rate.from_region, rate.to_region] = Way(rate.zone, terms)
    return Prices(tariff_id, tariff.name, tariff.currency, tariff.weight_max_g, ways)


def publish(data: Mapping[str, Any], *, valid_from: datetime, by: UUID | None, now: datetime) -> Tariff:
    """Put a tariff into force from a moment on. `data` has the shape of `data/tariff.json`. Raises RegionUnknown."""
    names = ("name", "currency", "divisor", "bulky_from_mm", "step_g", "weight_max_g")
    tariff = Tariff(id=new_id(now), valid_from=valid_from, **{name: data[name] for name in names})
    session.add(tariff)
    session.flush()
    for zone in data["zones"]:
        prices = {name: zone[name] for name in ("zone", "first_g", "first_minor", "unit_g", "unit_minor")}
        for to_region in zone["to"]:
            for code in (data["from"], to_region):
                regions.find(code)
            session.add(TariffRate(tariff_id=tariff.id, from_region=data["from"], to_region=to_region, **prices))
    session.flush()
    audit.record("tariff:publish", f"tariffs:{tariff.id}", by=by, now=now, after=dict(data))
    return tariff


def default() -> dict[str, Any]:
    """The tariff that the project brings along."""
    data: dict[str, Any] = json.loads(DEFAULT.read_text(encoding="utf-8"))
    return data


def _around(code: str) -> list[str]:
    """The region and those that contain it, the finest first."""
    return [code[:digits] for digits in (12, 9, 6, 4, 2) if digits <= len(code)]


def _up(amount: int, unit: int) -> int:
    return -(-amount // unit)
