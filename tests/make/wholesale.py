"""Makers of wholesale."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from core.permissions import Role
from core.users import User
from shop import barcodes, restocking, suppliers, supply
from shop.suppliers import Supplier
from shop.supply import SupplyOffer
from shop.wholesale import WholesaleOrder
from tests import make
from tests.make.shop import MORNING

_serial = count(1)


def supplier(*, name: str | None = None, member: User | None = None, now: datetime = MORNING) -> Supplier:
    """A firm that sells by the case."""
    made = suppliers.register(name or f"甲商贸{next(_serial)}", by=None, now=now)
    if member is not None:
        suppliers.add_member(made, member.id, by=None, now=now)
    return made


def supplier_member(*, now: datetime = MORNING) -> User:
    """A person who speaks for a supplier of his own."""
    user = make.user(roles=[Role.SUPPLIER], now=now)
    make.supplier(member=user, now=now)
    return user


def barcode() -> str:
    """A barcode that nothing else has."""
    twelve = f"690123{next(_serial):06d}"
    return twelve + str(barcodes.check_digit(twelve))


def supply_offer(
    *,
    supplier: Supplier | None = None,
    tiers: Sequence[tuple[int, int]] | None = None,
    now: datetime = MORNING,
    **given: Any,
) -> SupplyOffer:
    """Water by the case of 24: ¥28 from 5 cases on, ¥26.50 from 20 on, brought on Tuesdays."""
    plain: dict[str, Any] = {
        "barcode": make.barcode(),
        "name": "矿泉水550ml",
        "unit": "瓶",
        "case_factor": 24,
        "min_cases": 5,
        "delivery_weekday": 2,
        "by": None,
        "now": now,
    }
    prices = tiers or [(5, 2_800), (20, 2_650)]
    return supply.add(supplier or make.supplier(now=now), tiers=prices, **(plain | given))


def wholesale_order(
    lines: Sequence[tuple[UUID, int]] | None = None, *, keeper: User | None = None, now: datetime = MORNING
) -> WholesaleOrder:
    """Six cases of water for a station."""
    person = keeper or make.keeper()
    return restocking.place(lines or [(make.supply_offer(now=now).id, 6)], by=person.id, now=now)
