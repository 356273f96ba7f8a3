"""Sold out: what a process remembers for half a second, so that a crowd is told no without looking at the hot row.

Nobody is told no who has an order: the keys of those who are refused are looked up all the same.
"""

import time
from collections.abc import Callable
from uuid import UUID

from core.errors import Refusal
from orders.claims import Claim
from orders.placed import Outcome
from shop.lots import LotSoldOut
from shop.pools import OfferSoldOut

KEPT_S = 0.5
"""Stock that came back is seen after this at the latest."""
THINGS_MAX = 1_000


class SoldOut:
    """The things of which not one was left a moment ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._known: dict[UUID, tuple[float, Refusal]] = {}

    def learn(self, claim: Claim, outcome: Outcome) -> None:
        """A claim for one of one thing that was refused as sold out tells that nobody can have one."""
        if not isinstance(outcome, OfferSoldOut | LotSoldOut) or len(claim.lines) > 1 or claim.lines[0].quantity > 1:
            return
        if len(self._known) >= THINGS_MAX:
            self._known.clear()
        if thing := claim.lines[0].thing:
            self._known[thing] = (self._clock() + KEPT_S, outcome)

    def against(self, claim: Claim) -> Refusal | None:
        """What stands against a claim that asks for such a thing."""
        for line in claim.lines:
            until, refusal = self._known.get(line.thing, (0.0, None)) if line.thing else (0.0, None)
            if refusal is not None and self._clock() < until:
                return refusal.afresh()
        return None
