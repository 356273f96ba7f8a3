"""A lot lives any life at all, and its figures stay true: a model of four numbers against the real database."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, text

from core.db import session
from shop import harvest, stock, verify
from shop.harvest import LotWeighed, WeighedBelowGone, WriteOffTooLarge
from shop.lots import LotSoldOut
from shop.movements import HarvestShortage
from tests import make
from tests.make.shop import MORNING

GRAMS = st.integers(1, 8_000)


class LotLife(RuleBasedStateMachine):
    """What may happen to a lot, and what must be true after each step."""

    held = Bundle("held")
    allocated = Bundle("allocated")

    @initialize(low_g=st.integers(1, 20_000), factor=st.sampled_from([10_000, 8_000]))
    def open(self, low_g: int, factor: int) -> None:
        self.lot = make.lot(low_g=low_g, high_g=30_000, sell_factor_bp=factor)
        self.ceiling = low_g * factor // 10_000
        self.held_g = self.allocated_g = self.shipped_g = self.lost_g = self.missing_g = 0
        self.weighed = False

    @property
    def left(self) -> int:
        return max(0, self.ceiling - self.held_g - self.allocated_g)

    @property
    def short(self) -> int:
        return max(0, self.held_g + self.allocated_g - self.ceiling)

    def _take(self, verb, grams: int) -> bool:
        wish = {self.lot.id: grams}
        if grams <= self.left:
            verb(wish, reference="life", now=MORNING)
            return True
        with pytest.raises(LotSoldOut) as refused:
            verb(wish, reference="life", now=MORNING)
        assert refused.value.facts["left_g"] == self.left
        return False

    @rule(target=held, grams=GRAMS)
    def hold(self, grams: int) -> int:
        if not self._take(stock.hold, grams):
            return 0
        self.held_g += grams
        return grams

    @rule(target=allocated, grams=GRAMS)
    def retake(self, grams: int) -> int:
        if not self._take(stock.retake, grams):
            return 0
        self.allocated_g += grams
        return grams

    @rule(grams=consumes(held))
    def release(self, grams: int) -> None:
        if grams:
            stock.release({self.lot.id: grams}, reference="life", now=MORNING)
            self.held_g -= grams

    @rule(target=allocated, grams=consumes(held))
    def pay(self, grams: int) -> int:
        if grams:
            stock.allocate_held({self.lot.id: grams}, reference="life", now=MORNING)
            self.held_g -= grams
            self.allocated_g += grams
        return grams

    @rule(grams=consumes(allocated))
    def cancel(self, grams: int) -> None:
        if grams:
            stock.unallocate({self.lot.id: grams}, reference="life", now=MORNING)
            self.allocated_g -= grams

    @rule(grams=consumes(allocated))
    def ship(self, grams: int) -> None:
        if grams:
            stock.ship({self.lot.id: grams}, reference="life", now=MORNING)
            self.allocated_g -= grams
            self.shipped_g += grams
            self.ceiling = max(0, self.ceiling - grams)

    def _ceiling(self, grams: int) -> None:
        before = self.short
        self.ceiling = grams
        self.missing_g += max(0, self.short - before)

    @rule(grams=st.integers(0, 30_000))
    def weigh_in(self, grams: int) -> None:
        try:
            harvest.weigh_in(self.lot, weighed_g=grams, by=None, now=MORNING)
        except WeighedBelowGone:
            assert grams < self.shipped_g + self.lost_g
            return
        self.weighed = True
        self._ceiling(grams - self.shipped_g - self.lost_g)

    @rule(grams=GRAMS)
    def write_off(self, grams: int) -> None:
        try:
            harvest.write_off(self.lot, grams=grams, reason="life", by=None, now=MORNING)
        except WriteOffTooLarge:
            assert grams > self.ceiling
            return
        self.lost_g += grams if self.weighed else 0
        self._ceiling(self.ceiling - grams)

    @rule(low_g=st.integers(1, 20_000))
    def estimate(self, low_g: int) -> None:
        change = {"low_g": low_g, "likely_g": 20_000, "sell_factor_bp": 10_000}
        try:
            harvest.change(self.lot, change, by=None, now=MORNING)
        except LotWeighed:
            assert self.weighed
            return
        self._ceiling(max(0, low_g - self.shipped_g))

    @invariant()
    def the_figures_are_those_of_the_model(self) -> None:
        lot = self.lot
        session.refresh(lot)
        assert (lot.ceiling_g, lot.held_g, lot.allocated_g) == (self.ceiling, self.held_g, self.allocated_g)
        assert (lot.short_g, lot.left_g) == (self.short, self.left)
        assert (lot.shipped_g, lot.lost_g) == (self.shipped_g, self.lost_g)
        assert lot.on_hand_g == (self.ceiling if self.weighed else 0)

    @invariant()
    def the_books_follow_from_their_rows(self) -> None:
        for name, query in verify.checks():
            assert session.execute(text(query)).all() == [], name
        recorded = select(func.coalesce(func.sum(HarvestShortage.missing_g), 0))
        assert session.scalar(recorded.where(HarvestShortage.lot_id == self.lot.id)) == self.missing_g


def test_any_life_of_a_lot_keeps_true_figures() -> None:
    checks = list(HealthCheck)
    run_state_machine_as_test(
        LotLife, settings=settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=checks)
    )
