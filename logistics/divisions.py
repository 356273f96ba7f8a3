"""The administrative divisions of China as the project's own data: read from `data/`, put into the table in one go."""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, column, exists, select, table, text
from sqlalchemy.dialects.postgresql import insert

from core.bigrams import bigrams

DATA = Path(__file__).parent / "data"
LEVELS = {2: "province", 4: "city", 6: "county", 9: "town", 12: "village"}
"""Level by number of digits (GB/T 2260 to the county, three digits more for town and village)."""
PARENT_DIGITS = {2: 0, 4: 2, 6: 4, 9: 6, 12: 9}
FILLERS = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
"""Names of the city level that nobody writes into an address."""
_VILLAGE_OFFICE = re.compile(r"(村民委员会|村委会)$")
_COMMUNITY_OFFICE = re.compile(r"(?<=社区)(居民委员会|居委会|委员会)$")


class Division(NamedTuple):
    """One row of the table `regions`, in the order of its columns."""

    code: str
    name: str
    full_name: str
    parent_code: str | None
    level: str
    tokens: list[str]
    longitude: str | None
    latitude: str | None
    postcode: str | None


_COPY = f"COPY fresh ({', '.join(Division._fields)}) FROM STDIN (FORMAT csv)"


def plain_name(name: str, level: str) -> str:
    """A village by its own name, without the office that governs it: 东屯村委会 → 东屯村.

    >>> plain_name("识字里社区居委会", "village")
    '识字里社区'
    """
    if level != "village":
        return name
    short, offices = _VILLAGE_OFFICE.subn("", _COMMUNITY_OFFICE.sub("", name))
    return short + "村" if offices and not short.endswith("村") else short


def read() -> Iterator[Division]:
    """Every division, parents before children."""
    points = _points()
    full_names = {"": ""}
    with gzip.open(DATA / "regions.csv.gz", "rt", encoding="utf-8", newline="") as source:
        rows = sorted((len(code), code, name) for code, name in list(csv.reader(source))[1:])
    for digits, code, given in rows:
        level, parent = LEVELS[digits], code[: PARENT_DIGITS[digits]]
        name = plain_name(given, level)
        full_names[code] = full_names[parent] + ("" if level == "city" and name in FILLERS else name)
        longitude, latitude, postcode = points.get(code, (None, None, None))
        yield Division(
            code, name, full_names[code], parent or None, level, bigrams(name), longitude, latitude, postcode
        )


def load(connection: Connection) -> int:
    """Bring the table up to the files and return how many divisions they hold; a second run changes nothing."""
    fresh, regions = (table(name, *map(column, Division._fields)) for name in ("fresh", "regions"))
    connection.execute(text("SET LOCAL statement_timeout = '60s'"))
    connection.execute(text("CREATE TEMPORARY TABLE fresh (LIKE regions INCLUDING DEFAULTS) ON COMMIT DROP"))
    lines = _as_csv()
    with connection.connection.cursor().copy(_COPY) as copy:
        copy.write(lines)
    given = insert(regions).from_select(Division._fields, select(fresh))
    if connection.scalar(select(exists(select(regions.c.code)))):
        changes = {name: given.excluded[name] for name in Division._fields[1:]}
        given = given.on_conflict_do_update(index_elements=["code"], set_=changes)
    loaded = connection.execute(given, execution_options={"preserve_rowcount": True}).rowcount
    connection.execute(text("DROP TABLE fresh"))
    connection.execute(text("ANALYZE regions"))
    return loaded


def _as_csv() -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    for division in read():
        writer.writerow(division._replace(tokens="{" + ",".join(division.tokens) + "}"))  # type: ignore[arg-type]
    return out.getvalue()


def _points() -> dict[str, tuple[str | None, str | None, str | None]]:
    with (DATA / "county_points.csv").open(encoding="utf-8", newline="") as source:
        return {
            row["code"]: (row["longitude"] or None, row["latitude"] or None, row["postcode"] or None)
            for row in csv.DictReader(source)
        }
