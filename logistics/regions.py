"""Regions: the administrative divisions of China, to the town everywhere and to the village in Hunan."""

import re
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, Select, Text, case, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.bigrams import bigrams
from core.db import Model, among, one_of, session
from core.errors import Malformed, NotFound
from core.i18n import _

SEARCH_LIMIT_MAX = 50
CHILDREN_MAX = 200
QUERY_MAX = 60
"""Characters of a search that are looked at."""
DELIVERABLE_DIGITS = 6
"""A county: anything coarser is no place that a van can go to."""
_BETWEEN_DIVISIONS = re.compile(
    r"(?<=..省)(?=..)|(?<=自治区)(?=..)|(?<=自治州)(?=..)|(?<=.[^省市县区镇乡][市县区镇乡])(?![省市县区镇乡街])(?=..)"
)


class RegionMissing(Malformed):
    """No region was given."""

    message = _("请选择所在地区。")


class RegionUnknown(Malformed):
    """No division has this code."""

    message = _("没有代码为“{region_code}”的地区，请重新选择。")


class RegionTooCoarse(Malformed):
    """A province or city is no place to deliver to."""

    message = _("“{region}”太大，请选到县区或更细。")


class RegionAbsent(NotFound):
    """Nothing lies under this address."""

    message = _("没有这个地区。")


class Level(StrEnum):
    """How fine a division is."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWN = "town"
    VILLAGE = "village"


class Region(Model):
    """One division. The code of what it lies in is the beginning of its own."""

    __tablename__ = "regions"
    __table_args__ = (
        CheckConstraint(among("level", Level), name="level_known"),
        CheckConstraint("code ~ '^[0-9]{2}([0-9]{2}([0-9]{2}([0-9]{3}([0-9]{3})?)?)?)?$'", name="code_shape"),
        Index("ix_regions_tokens", "tokens", postgresql_using="gin"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    full_name: Mapped[str]
    """From the province down, as an address says it: 湖南省怀化市溆浦县观音阁镇."""
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("regions.code"), index=True)
    level: Mapped[Level] = mapped_column(one_of(Level))
    tokens: Mapped[list[str]]
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(8, 6))
    """Degrees; counties only. The source does not state its datum."""
    postcode: Mapped[str | None]


class Spot(NamedTuple):
    """What rules need of a region, remembered for good: divisions change with a release, never between two orders."""

    code: str
    name: str
    full_name: str
    level: Level


@lru_cache(maxsize=20_000)
def find(code: str) -> Spot:
    """A region by its code. Raises RegionUnknown."""
    row = session.execute(
        select(Region.code, Region.name, Region.full_name, Region.level).where(Region.code == code)
    ).one_or_none()
    if row is None:
        raise RegionUnknown(region_code=code[:20])
    return Spot(*row)


def full_name(code: str) -> str:
    """The region from its province down: 湖南省怀化市溆浦县观音阁镇. Raises RegionUnknown."""
    return find(code).full_name


def province_of(code: str) -> str:
    """The code of the province that a region lies in."""
    return code[:2]


def lineage(code: str) -> list[Spot]:
    """The region and all that it lies in, province first. Raises RegionUnknown."""
    return [find(code[:digits]) for digits in (2, 4, 6, 9, 12) if digits <= len(code)]


def check_deliverable(code: str) -> Spot:
    """The region, if it is fine enough for an address: a county or finer.

    Raises RegionMissing, RegionUnknown, RegionTooCoarse.
    """
    if not code:
        raise RegionMissing
    spot = find(code)
    if len(code) < DELIVERABLE_DIGITS:
        raise RegionTooCoarse(region=spot.full_name)
    return spot


def read(code: str) -> Region:
    """One region with all that is known of it. Raises RegionAbsent."""
    region = session.get(Region, code)
    if region is None:
        raise RegionAbsent
    return region


def children(parent_code: str | None) -> list[Region]:
    """The divisions of a region, or the provinces. Raises RegionUnknown."""
    if parent_code is not None:
        find(parent_code)
    query = select(Region).where(Region.parent_code.is_not_distinct_from(parent_code))
    return list(session.scalars(query.order_by(Region.code).limit(CHILDREN_MAX)))


def search(words: str, *, limit: int = 20) -> list[Region]:
    """Regions by name: exact names first, then the coarser ones.

    The last word names the region and is found through the index from two characters on; words before it say what it
    lies in. An address in one piece is taken apart at its 省, 市, 县, 镇. A single character finds nothing.
    """
    parts = words_of(words)
    if not parts or not bigrams(parts[-1]):
        return []
    return list(session.scalars(_matching(parts).limit(min(limit, SEARCH_LIMIT_MAX))))


def words_of(text: str) -> list[str]:
    """A search in words: "溆浦 观音阁" and 湖南省溆浦县观音阁镇 alike."""
    return [part for word in text[:QUERY_MAX].split() for part in _BETWEEN_DIVISIONS.split(word) if part]


def _matching(parts: list[str]) -> Select[Region]:
    *around, name = parts
    found = select(Region).where(Region.tokens.contains(cast(bigrams(name), ARRAY(Text))))
    found = found.where(Region.name.contains(name, autoescape=True))
    for word in around:
        found = found.where(Region.full_name.contains(word, autoescape=True))
    rank = case((Region.name == name, 0), (Region.name.startswith(name, autoescape=True), 1), else_=2)
    return found.order_by(rank, func.length(Region.code), Region.code)
