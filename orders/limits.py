"""Limits per buyer: one counted row a buyer and thing, so that two orders at one moment cannot both be the last."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, swift
from core.errors import Conflict
from core.i18n import _


class OverBuyerLimit(Conflict):
    """The buyer has, or would have, more of it than one buyer may."""

    message = _("“{pack}”每人限购 {most} 件。")


class TooManyUnpaid(Conflict):
    """The buyer has so many orders waiting for their payment that he may not hold more; paying or cancelling helps."""

    message = _("您有 {most} 个订单还没付款，先付款或取消，再下新单。")


OPEN_MAX = 10
"""Orders of one buyer that may wait for their payment at once, so that nobody keeps a harvest from the others."""


class BuyerTake(Model):
    """How many of a limited pack or offer a buyer has in orders that are waiting, paid or on their way.

    The row whose subject is the buyer himself counts his orders that wait for their payment.
    """

    __tablename__ = "buyer_takes"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity_not_negative"),)

    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The offer, the pack when it was not bought live, or the buyer."""
    quantity: Mapped[int]


class Take(NamedTuple):
    """A buyer and the limited thing he wants."""

    buyer_id: UUID
    subject_id: UUID

    @property
    def is_unpaid_orders(self) -> bool:
        """Whether it is not a thing, but the number of his orders that wait for their payment."""
        return self.buyer_id == self.subject_id


def unpaid_order(buyer_id: UUID) -> Take:
    """What an order counts until it is paid, cancelled or expired."""
    return Take(buyer_id, buyer_id)


Takes = Mapping[Take, tuple[int, int]]
"""What a claim counts against its buyer's limits: quantity and limit by thing."""


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


def count(wanted: Mapping[int, Takes]) -> dict[int, Take]:
    """Count what each of a set of claims wants; gives, for those that want too much, the thing they want too much of.

    Claims of one buyer are counted one after the other; a refused one counts nothing, and later ones that want no less
    of the same are refused with it.
    """
    waiting = {index: takes for index, takes in wanted.items() if takes}
    over: dict[int, Take] = {}
    most: dict[Take, int] = {}
    while waiting:
        turn: dict[UUID, int] = {}
        for index, takes in waiting.items():
            turn.setdefault(next(iter(takes)).buyer_id, index)
        taken = take({one: bound for index in turn.values() for one, bound in waiting[index].items()})
        for index in turn.values():
            takes = waiting.pop(index)
            refused = [one for one in takes if one not in taken]
            if refused:
                over[index] = refused[0]
                most[refused[0]] = takes[refused[0]][0]
                give_back((one, quantity) for one, (quantity, _most) in takes.items() if one in taken)
        hopeless = {
            index: one
            for index, takes in waiting.items()
            for one in takes
            if one in most and takes[one][0] >= most[one]
        }
        over |= hopeless
        waiting = {index: takes for index, takes in waiting.items() if index not in hopeless}
    return over


def take(wanted: Takes) -> set[Take]:
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
    return {Take(row.buyer_id, row.subject_id) for row in swift(_TAKE, values)}


_GIVE_BACK = text("""
    WITH given AS MATERIALIZED (
        SELECT buyer_id, subject_id, sum(quantity) AS quantity
        FROM unnest(CAST(:buyers AS uuid[]), CAST(:subjects AS uuid[]), CAST(:quantities AS int[]))
             AS one (buyer_id, subject_id, quantity)
        GROUP BY buyer_id, subject_id
    ), locked AS MATERIALIZED (
        SELECT known.buyer_id, known.subject_id, given.quantity
        FROM buyer_takes known JOIN given USING (buyer_id, subject_id)
        ORDER BY known.buyer_id, known.subject_id
        FOR NO KEY UPDATE OF known
    )
    UPDATE buyer_takes AS known SET quantity = known.quantity - locked.quantity
    FROM locked
    WHERE known.buyer_id = locked.buyer_id AND known.subject_id = locked.subject_id
""")
"""Rows are locked in the order in which `_TAKE` takes them, so that the two never wait for each other in a ring."""


def give_back(returned: Iterable[tuple[Take, int]]) -> None:
    """Let buyers have that much again."""
    given = list(returned)
    if given:
        swift(
            _GIVE_BACK,
            {
                "buyers": [one.buyer_id for one, _quantity in given],
                "subjects": [one.subject_id for one, _quantity in given],
                "quantities": [quantity for _one, quantity in given],
            },
        )
