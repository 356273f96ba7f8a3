"""Sort codes: the large print that tells hands and machines where a box goes, from a versioned table.

City, county and lane, such as 4312-24-06: the city's code, the county's last digits, the station's rank in its county.
The table is made from the tree of regions and stations; old versions stay, so an old label can still be explained.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Model, session
from core.jobs import periodic

LENGTHS = (12, 9, 6, 4)
"""Digits of village, town, county and city, finest first; a province alone sorts nothing."""


class SortTable(Model):
    """One version of the table."""

    __tablename__ = "sort_tables"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_at: Mapped[datetime]


class SortCode(Model):
    """Where boxes of a region go, in one version."""

    __tablename__ = "sort_codes"

    version: Mapped[int] = mapped_column(ForeignKey("sort_tables.version"), primary_key=True, autoincrement=False)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"), primary_key=True)
    code: Mapped[str]
    marker: Mapped[str]


@dataclass(frozen=True)
class Sorting:
    """What the label says. `code` is None where the table knows no place: a person sorts it, nobody guesses."""

    version: int
    code: str | None
    marker: str


# A region shared by two stations has no lane of its own: the county's code sorts it as far as it is certain.
_FILL = text(
    "WITH lanes AS ("
    " SELECT region_code, name, count(*) OVER (PARTITION BY region_code) AS sharing,"
    " row_number() OVER (PARTITION BY left(region_code, 6) ORDER BY code)::text AS lane"
    " FROM stations WHERE stopped_on IS NULL AND length(region_code) >= 9)"
    " INSERT INTO sort_codes (version, region_code, code, marker)"
    " SELECT :version, code, code, name FROM regions WHERE level = 'city'"
    " UNION ALL SELECT :version, county.code, city.code || '-' || right(county.code, 2),"
    " city.name || ' ' || county.name"
    " FROM regions county JOIN regions city ON city.code = left(county.code, 4) WHERE county.level = 'county'"
    " UNION ALL SELECT :version, region_code,"
    " left(region_code, 4) || '-' || substr(region_code, 5, 2) || '-' || lpad(lane, greatest(2, length(lane)), '0'),"
    " county.name || ' ' || lanes.name"
    " FROM lanes JOIN regions county ON county.code = left(region_code, 6) WHERE sharing = 1"
)


def build(*, now: datetime) -> int:
    """Make the next version of the table from the regions and stations of this moment; returns its number."""
    version = latest() + 1
    session.add(SortTable(version=version, made_at=now))
    session.flush()
    session.execute(_FILL, {"version": version})
    return version


def latest() -> int:
    """The version in force; 0 before there is any."""
    return session.scalar(select(func.max(SortTable.version))) or 0


def resolve(region_code: str) -> Sorting:
    """The sort code of a place by the finest region that the table knows."""
    version = latest()
    prefixes = [region_code[:length] for length in LENGTHS if len(region_code) >= length]
    known = select(SortCode).where(SortCode.version == version, SortCode.region_code.in_(prefixes))
    row = session.scalar(known.order_by(func.length(SortCode.region_code).desc()).limit(1))
    return Sorting(version, row.code, row.marker) if row else Sorting(version, None, "")


@periodic("30 3 * * *")
def renew_sort_table(timestamp: int) -> None:
    """Take new, moved and closed stations into a fresh version every night."""
    build(now=clock.now())
