"""Hot rows: the offers and lots that many orders want at once. What a deed moves in them is moved last of all.

Payments, sweeps, cancellations and refunds do their paperwork first and take these rows right before the commit, as the
placing of orders does, so that nobody waits for paperwork. All moves of a transaction are done together: offers before
lots, each kind in id order, so that nobody waits in a ring.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core import db
from core.db import session
from shop import pools, stock


@dataclass(frozen=True)
class Step:
    """What happens to the packs of offers and to the grams of lots."""

    of_packs: Callable[..., None]
    of_grams: Callable[..., None]


SELL = Step(pools.sell, stock.allocate_held)
RELEASE = Step(pools.release, stock.release)
UNSELL = Step(pools.unsell, stock.unallocate)
SHIP = Step(pools.sell, stock.ship)
"""What is sold of an offer stays sold when it leaves: nobody gives packs with this step."""


@dataclass
class _Sum:
    """What one step moves in this transaction, over all the orders that asked for it."""

    packs: dict[UUID, int] = field(default_factory=dict)
    grams: dict[UUID, int] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)

    def add(self, packs: Mapping[UUID, int], grams: Mapping[UUID, int], reference: str) -> None:
        for mine, more in ((self.packs, packs), (self.grams, grams)):
            for key, amount in more.items():
                mine[key] = mine.get(key, 0) + amount
        if reference not in self.references:
            self.references.append(reference)

    @property
    def reference(self) -> str:
        first, others = self.references[0], len(self.references) - 1
        return f"{first}+{others}" if others else first


def move(step: Step, packs: Mapping[UUID, int], grams: Mapping[UUID, int], *, reference: str, now: datetime) -> None:
    """Move packs by offer and grams by lot, last before the commit; those of several orders are added up.

    A savepoint that is undone later does not take this back: ask when nothing can refuse any more.
    """
    sums: dict[Step, _Sum] = session.info.setdefault("hot", {})
    first = not sums
    sums.setdefault(step, _Sum()).add(packs, grams, reference)
    if first:
        db.last(lambda: _move_all(now))


def move_now(
    step: Step, packs: Mapping[UUID, int], grams: Mapping[UUID, int], *, reference: str, now: datetime
) -> None:
    """Move them at once, where what comes next depends on whether they could be had."""
    if packs:
        step.of_packs(packs, reference=reference, now=now)
    if grams:
        step.of_grams(grams, reference=reference, now=now)


def retake(
    packs: Mapping[UUID, int], grams: Mapping[UUID, int], *, leaving: stock.Leaving, reference: str, now: datetime
) -> None:
    """Take packs and grams once more, at once, as the money goes back where they cannot be had."""
    if packs:
        pools.retake(packs, reference=reference, now=now)
    if grams:
        stock.retake(grams, reference=reference, now=now, leaving=leaving)


def _move_all(now: datetime) -> None:
    sums: dict[Step, _Sum] = session.info.pop("hot", {})
    if len(sums) > 1:  # each step would lock in order, but all of them together would not
        pools.lock({offer for one in sums.values() for offer in one.packs})
        stock.lock({lot for one in sums.values() for lot in one.grams})
    for step, one in sums.items():
        move_now(step, one.packs, one.grams, reference=one.reference, now=now)
