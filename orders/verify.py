"""Verify: every invariant of the house, asked of the rows themselves; what can be derived can be mended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import TextClause, text

from core.db import session
from logistics import verify as logistics
from orders import checks, verify_payments
from shop import verify as shop
from shop import verify_live, verify_wholesale

NAMED_MAX = 20
"""Rows of one broken invariant that are named; the others are counted."""


class Package(Protocol):
    """What a package says of itself: its invariants, and what mends some of them."""

    def checks(self) -> Iterator[tuple[str, str]]: ...

    def repairs(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Broken:
    """An invariant that does not hold: how many rows break it, and the first of them."""

    check: str
    count: int
    rows: list[str]
    mended: bool = False


def run(repair: bool = False) -> list[Broken]:
    """Ask every invariant; with `repair`, mend what can be derived and ask again.

    Rows are read from the server one by one, so memory does not grow with the damage. A mended invariant is reported
    once, as mended; what stays broken is reported as broken.
    """
    found: list[Broken] = []
    mends = {check: sql for package in PACKAGES for check, sql in package.repairs().items()} if repair else {}
    for check, sql in all_checks():
        broken = _ask(check, sql)
        if broken and check in mends:
            session.execute(_plain(mends[check]))
            broken = _ask(check, sql) or Broken(check, broken.count, broken.rows, mended=True)
        if broken:
            found.append(broken)
    return found


def all_checks() -> Iterator[tuple[str, str]]:
    """Every invariant of every package, the lowest first."""
    for package in PACKAGES:
        yield from package.checks()


PACKAGES: tuple[Package, ...] = (logistics, shop, verify_live, verify_wholesale, checks, verify_payments)


def _ask(check: str, sql: str) -> Broken | None:
    """The rows that break one invariant, or None when there are none."""
    count, named = 0, []
    for row in session.execute(_plain(sql), execution_options={"stream_results": True, "yield_per": 500}):
        count += 1
        if count <= NAMED_MAX:
            named.append(" ".join(str(value) for value in row))
    return Broken(check, count, named) if count else None


def _plain(sql: str) -> TextClause:
    """The SQL as it stands: a colon in it is a colon and no parameter."""
    return text(sql.replace(":", r"\:"))
