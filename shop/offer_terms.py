"""The terms of an offer: when it sells, and how low its price may go before the host has to say it twice.

A slip of the tongue or of the thumb, 9.9 for 99, sells a farm's harvest for nothing before anybody can stop it. So a
price below the floor is refused once, with the price in words, and taken only when it comes again as confirmed.
"""

from datetime import datetime
from typing import NamedTuple

from core.clock import local_time
from core.errors import Conflict, Malformed
from core.i18n import _
from core.money import FULL_RATE_BP, format_yuan
from shop.packs import Pack

FLOOR_BP = 5_000
"""Of the list price; the floor where a farmer has not set one, rounded up to the fen."""


class OfferNotYet(Conflict):
    """The window of this offer has not opened."""

    message = _("{number} 号链接还没开抢，{opens_at} 开始。")


class OfferOver(Conflict):
    """The window of this offer has closed."""

    message = _("{number} 号链接已经抢完收摊了，{closes_at} 结束的。")


class WindowBackwards(Malformed):
    """A window closes after it opens, and not in the past."""

    message = _("结束的时间要在开始之后，也要在现在之后。")


class BelowFloor(Conflict):
    """The price is below the floor and was not confirmed."""

    message = _("{price} 低于底价 {floor}。真要这样卖，请再确认一次。")


def floor_minor(pack: Pack) -> int:
    """The lowest price in fen at which a pack is sold without asking twice."""
    return pack.floor_minor if pack.floor_minor is not None else -(-pack.price_minor * FLOOR_BP // FULL_RATE_BP)


def check_floor(pack: Pack, price_minor: int, *, confirmed: bool) -> None:
    """Raises BelowFloor."""
    floor = floor_minor(pack)
    if price_minor < floor and not confirmed:
        raise BelowFloor(
            price=format_yuan(price_minor), floor=format_yuan(floor), price_minor=price_minor, floor_minor=floor
        )


class Window(NamedTuple):
    """When an offer sells, by the clock of the house: from `opens_at` until before `closes_at`; None is no bound."""

    opens_at: datetime | None = None
    closes_at: datetime | None = None

    def check(self, *, now: datetime) -> None:
        """Raises WindowBackwards for one that nothing could be sold in."""
        if self.closes_at is not None and self.closes_at <= max(now, self.opens_at or now):
            raise WindowBackwards()


ALWAYS = Window()


def check_open(number: int, window: Window, *, now: datetime) -> None:
    """Whether an offer sells at this moment. Raises OfferNotYet, OfferOver."""
    if window.opens_at is not None and now < window.opens_at:
        raise OfferNotYet(number=number, opens_at=local_time(window.opens_at))
    if window.closes_at is not None and now >= window.closes_at:
        raise OfferOver(number=number, closes_at=local_time(window.closes_at))
