"""Limits per buyer: one counted row a buyer and thing, so that two orders at one moment cannot both be the last."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, session
from core.errors import Conflict
from core.i18n import _


class OverBuyerLimit(Conflict):
    """The buyer has, or would have, more of it than one buyer may."""

    message = _("“{pack}”每人限购 {most} 件。")


class BuyerTake(Model):
    """How many of a limited pack or offer a buyer has in orders that are waiting, paid or on their way."""

    __tablename__ = "buyer_takes"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity_not_negative"),)

    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The offer, or the pack when it was not bought live."""
    quantity: Mapped[int]


class Take(NamedTuple):
    """A buyer and the limited thing he wants."""

    buyer_id: UUID
    subject_id: UUID


_TAKE = text("""
    INSERT INTO buyer_takes AS known (buyer_id, subject_id, quantity)
    SELECT buyer_id, subject_id, quantity
    FROM unnest(CAST(:buyers AS uuid[]), CAST(:subjects AS uuid[]), CAST(:quantities AS int[]), CAST(:limits AS int[]))
         AS wanted (buyer_id, subject_id, quantity, most)
    WHERE quantity <= most
    ORDER BY buyer_id, subject_id
    ON CONFLICT (buyer_id, subject_id) DO UPDATE SET quantity = known.quantity + excluded.quantity
        WHERE known.quantity + excluded.quantity <= (
            SELECT most FROM unnest(CAST(:buyers AS uuid[]), CAST(:subjects AS uuid[]), CAST(:limits AS int[]))
                   AS bound (buyer_id, subject_id, most)
            WHERE bound.buyer_id = excluded.buyer_id AND bound.subject_id = excluded.subject_id)
    RETURNING buyer_id, subject_id
""")


def take(wanted: Mapping[Take, tuple[int, int]]) -> set[Take]:
    """Count what buyers want, given as (quantity, limit); returns those for whom it was within the limit.

    A row is held until the transaction ends: a second order of the same buyer waits, and then sees the first.
    """
    if not wanted:
        return set()
    values = {
        "buyers": [one.buyer_id for one in wanted],
        "subjects": [one.subject_id for one in wanted],
        "quantities": [quantity for quantity, _most in wanted.values()],
        "limits": [most for _quantity, most in wanted.values()],
    }
    return {Take(row.buyer_id, row.subject_id) for row in session.execute(_TAKE, values)}


_GIVE_BACK = text("""
    UPDATE buyer_takes AS known SET quantity = known.quantity - given.quantity
    FROM (
        SELECT buyer_id, subject_id, sum(quantity) AS quantity
        FROM unnest(CAST(:buyers AS uuid[]), CAST(:subjects AS uuid[]), CAST(:quantities AS int[]))
             AS one (buyer_id, subject_id, quantity)
        GROUP BY buyer_id, subject_id
    ) AS given
    WHERE known.buyer_id = given.buyer_id AND known.subject_id = given.subject_id
""")


def give_back(returned: Iterable[tuple[Take, int]]) -> None:
    """Let buyers have that much again."""
    given = list(returned)
    if given:
        session.execute(
            _GIVE_BACK,
            {
                "buyers": [one.buyer_id for one, _quantity in given],
                "subjects": [one.subject_id for one, _quantity in given],
                "quantities": [quantity for _one, quantity in given],
            },
        )
