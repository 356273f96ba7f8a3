"""Makers of claims and orders."""

from datetime import datetime
from typing import Any

from core.auth import Who
from core.db import session
from core.permissions import granted
from core.users import User
from logistics.addresses import Address
from orders import cash, checkout
from orders.claims import Claim, ClaimLine
from orders.orders import Order
from shop.offers import LiveOffer
from shop.packs import Pack
from tests import make
from tests.make.shop import MORNING


def claim(
    *wanted: tuple[Pack | LiveOffer, int], buyer: User | None = None, to: Address | None = None, **given: Any
) -> Claim:
    """A claim of packs or offers with their quantities."""
    lines = tuple(
        ClaimLine(quantity, offer_id=thing.id)
        if isinstance(thing, LiveOffer)
        else ClaimLine(quantity, pack_id=thing.id)
        for thing, quantity in wanted
    )
    return Claim(buyer_id=(buyer or make.user()).id, lines=lines, address=to or make.address(), **given)


def pack_with_lot(*, low_g: int = 400_000, now: datetime = MORNING, **given: Any) -> Pack:
    """A pack on sale with a lot behind it."""
    pack = make.pack(now=now, **given)
    make.lot(product=pack.product, low_g=low_g, now=now)
    return pack


def order(
    *wanted: tuple[Pack | LiveOffer, int], buyer: User | None = None, now: datetime = MORNING, **given: Any
) -> Order:
    """An order that waits for payment; without goods, of one pack of peaches."""
    asked = wanted or ((make.pack_with_lot(now=now), 1),)
    placed = checkout.place_one(make.claim(*asked, buyer=buyer, **given), now=now)
    return session.get_one(Order, placed.id)


def paid_order(*wanted: tuple[Pack | LiveOffer, int], now: datetime = MORNING, **given: Any) -> Order:
    """An order that was paid in cash at the counter, so that its parcels wait at the station."""
    made = make.order(*wanted, now=now, **given)
    cash.take(made, given_minor=made.total_minor, by=make.user().id, now=now)
    session.refresh(made)
    return made


def who(user: User) -> Who:
    """A person as rules get to know him."""
    return Who(user.id, user.role_set, user.name, user.language, user.elder, granted(user.role_set))
