"""Take-backs: a refund takes each party's share of a line back, so that nobody keeps a commission on money returned."""

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, among, one_of, session
from core.money import split
from orders import splits
from orders.orders import OrderLine
from orders.splits import LineSplit, Party


class TakeBack(Model):
    """What one refund takes back from one party of one line, in fen."""

    __tablename__ = "take_backs"
    __table_args__ = (
        CheckConstraint(among("party", Party), name="party"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    refund_id: Mapped[UUID] = mapped_column(ForeignKey("refunds.id"), primary_key=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"), primary_key=True, index=True)
    party: Mapped[Party] = mapped_column(one_of(Party), primary_key=True)
    amount_minor: Mapped[int]


def take_back(refund_id: UUID, amounts: Mapping[UUID, int]) -> dict[str, int]:
    """Share out a refund of lines over their parties; returns fen by ledger account.

    Shared by what each party still has of the line, so that many small refunds never take more than the share, and
    together take all of it.
    """
    by_account: dict[str, int] = defaultdict(int)
    for line_id, shares in _left_by_line(amounts).items():
        parts = split(amounts[line_id], [left for _share, left in shares])
        for (share, _left), minor in zip(shares, parts, strict=True):
            if minor:
                by_account[splits.account(share.party, share.owner_id)] += minor
                session.add(TakeBack(refund_id=refund_id, line_id=line_id, party=share.party, amount_minor=minor))
    session.flush()
    return dict(by_account)


def left_of_order(order_id: UUID) -> dict[str, int]:
    """What each party has of an order after its refunds: fen by ledger account. This is what completion posts."""
    line_ids = session.scalars(select(OrderLine.id).where(OrderLine.order_id == order_id)).all()
    by_account: dict[str, int] = defaultdict(int)
    for shares in _left_by_line(dict.fromkeys(line_ids, 0)).values():
        for share, left in shares:
            by_account[splits.account(share.party, share.owner_id)] += left
    return {account: minor for account, minor in by_account.items() if minor}


def _left_by_line(line_ids: Mapping[UUID, int]) -> dict[UUID, list[tuple[LineSplit, int]]]:
    """The shares of lines with what refunds have left of them."""
    taken = {
        (line_id, party): int(minor)
        for line_id, party, minor in session.execute(
            select(TakeBack.line_id, TakeBack.party, func.sum(TakeBack.amount_minor))
            .where(TakeBack.line_id.in_(line_ids))
            .group_by(TakeBack.line_id, TakeBack.party)
        )
    }
    shares = session.scalars(
        select(LineSplit).where(LineSplit.line_id.in_(line_ids)).order_by(LineSplit.line_id, LineSplit.party)
    )
    found: dict[UUID, list[tuple[LineSplit, int]]] = defaultdict(list)
    for share in shares:
        found[share.line_id].append((share, share.amount_minor - taken.get((share.line_id, share.party), 0)))
    return found
