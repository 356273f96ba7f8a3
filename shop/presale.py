"""Presale: goods that are sold before they can be picked, with the days in which they leave.

A presale draws on the lots that can be picked inside its window, though they are not ready today; everything else is
sold from what is ready today. The window is told and agreed before anybody pays, and is kept with the order.
"""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from core.clock import local_day
from core.errors import Conflict, Malformed
from core.i18n import _

AHEAD_MAX = timedelta(days=90)
"""Platforms allow as much; what lies further ahead is a slip in the year."""


class ShipWindowHalf(Malformed):
    """A presale has a first and a last day."""

    message = _("预售要写明从哪天到哪天发货，两个日子都要填。")


class ShipWindowBackwards(Malformed):
    """The last day is before the first, or so near that nobody could order before it."""

    message = _("预售的最后一天要在今天以后，也不能早于第一天。")


class ShipWindowTooFar(Malformed):
    """So long before the harvest nobody knows what will hang on the trees."""

    message = _("预售最多提前 {most} 天。")


class PresaleOver(Conflict):
    """The last day in which it was to leave has come: nothing more is promised for this window."""

    message = _("这一档预售到 {ships_by} 截止，已经不能再订了。")


class NoHarvestInWindow(Conflict):
    """No open lot can be picked in these days."""

    message = _("{ships_from} 到 {ships_by} 这几天，还没有能采的批次。")


class Days(NamedTuple):
    """The days in which goods may leave; a lot fits that can be picked, and is still good, on one of them."""

    first: date
    last: date

    def fits(self, lot: Any) -> bool:
        """Whether a lot, or what was read of it, can be sold for these days."""
        return bool(lot.ready_on <= self.last and lot.best_before >= self.first)

    def narrowed(self, other: "Days") -> "Days":
        """What fits both fits this."""
        return Days(max(self.first, other.first), min(self.last, other.last))


class ShipWindow(NamedTuple):
    """The first and the last day in which goods leave, in the house's zone; without days they are ready goods."""

    ships_from: date | None = None
    ships_by: date | None = None

    @property
    def is_presale(self) -> bool:
        return self.ships_by is not None

    def check(self, *, now: datetime) -> None:
        """Raises ShipWindowHalf, ShipWindowBackwards, ShipWindowTooFar for a window that nobody can mean."""
        if (self.ships_from is None) != (self.ships_by is None):
            raise ShipWindowHalf()
        if self.ships_from is None or self.ships_by is None:
            return
        if self.ships_by < self.ships_from or self.is_over(local_day(now)):
            raise ShipWindowBackwards()
        if self.ships_by - local_day(now) > AHEAD_MAX:
            raise ShipWindowTooFar(most=AHEAD_MAX.days)

    def is_over(self, day: date) -> bool:
        """Whether no order can be placed any more: on its last day the van may have left already."""
        return self.ships_by is not None and day >= self.ships_by

    def days(self, day: date) -> Days:
        """The days that count for who orders on this day. Raises PresaleOver."""
        if self.ships_from is None or self.ships_by is None:
            return Days(day, day)
        if self.is_over(day):
            raise PresaleOver(ships_by=self.ships_by)
        return Days(max(day, self.ships_from), self.ships_by)


READY = ShipWindow()
"""Ready today, and leaves with the next van."""


def window_of(thing: Any) -> ShipWindow:
    """The window of a pack, an offer or an order, or of a row that was read of one."""
    return ShipWindow(thing.ships_from, thing.ships_by)
