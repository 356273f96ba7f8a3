"""Placed: what a claim has become, and how the same order is found again when it is asked for with the same key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from core.db import swift
from core.errors import Refusal
from core.money import CURRENCY
from core.once import IdempotencyKeyReused
from orders.claims import Claim
from orders.orders import OrderStatus


@dataclass(frozen=True)
class Placed:
    """An order as it was just placed, or as it was when it was first asked for."""

    id: UUID
    number: str
    pay_by: datetime
    total_minor: int
    currency: str = CURRENCY
    repeated: bool = False
    """Whether the caller's key had brought this order before."""

    @property
    def status(self) -> OrderStatus:
        """Of the order when it was placed; what it became since is another question."""
        return OrderStatus.AWAITING_PAYMENT


Outcome = Placed | Refusal
"""What became of a claim."""

_KNOWN = text("""
    SELECT orders.id, number, pay_by, total_minor, currency, buyer_id, placing_key, placing_print
    FROM unnest(CAST(:buyers AS uuid[]), CAST(:keys AS bytea[])) AS asked (buyer, key)
    JOIN orders ON buyer_id = asked.buyer AND placing_key = asked.key
""")


def again(claims: Mapping[int, Claim]) -> dict[int, Outcome]:
    """The orders that the keys of these claims brought before, or the refusal that the same key asked for another."""
    keyed = {(claim.buyer_id, claim.key.name): claim.key for claim in claims.values() if claim.key}
    if not keyed:
        return {}
    values = {"buyers": [buyer for buyer, _name in keyed], "keys": [name for _buyer, name in keyed]}
    known = {(row.buyer_id, bytes(row.placing_key)): row for row in swift(_KNOWN, values)}
    found: dict[int, Outcome] = {}
    for index, claim in claims.items():
        row = known.get((claim.buyer_id, claim.key.name)) if claim.key else None
        if row is not None and claim.key:
            same = bytes(row.placing_print) == claim.key.print
            placed = Placed(row.id, row.number, row.pay_by, row.total_minor, row.currency, repeated=True)
            found[index] = placed if same else IdempotencyKeyReused()
    return found
