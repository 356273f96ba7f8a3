"""Splits: who gets what of a line, by a table of rules that anybody may read, frozen when the line is sold.

Freight is taken off first, as commissions are never reckoned on it. Of the rest each party has its rate and the farm
has what no rate claims; all parts together are the line's total, to the fen (largest remainder, `core.money.split`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Id, Model, among, one_of, session
from core.money import FULL_RATE_BP
from core.money import split as share
from orders.goods import Goods
from orders.orders import Channel
from shop.products import ProductKind


class Party(StrEnum):
    """Who has a share in a line."""

    FARM = "farm"
    STATION = "station"
    HOST = "host"
    BRANCH = "branch"
    FREIGHT = "freight"
    PLATFORM = "platform"


class RuleKind(StrEnum):
    """How a share is reckoned: a rate of what is left after freight, or fen for each pack."""

    RATE_BP = "rate_bp"
    EACH_MINOR = "each_minor"


class SplitRule(Model):
    """One row of the table. For each party the first row that fits, by position, is the one that counts."""

    __tablename__ = "split_rules"
    __table_args__ = (
        CheckConstraint(among("party", Party), name="party"),
        CheckConstraint(among("kind", RuleKind), name="kind"),
        CheckConstraint("value >= 0 AND (kind <> 'rate_bp' OR value <= 10000)", name="value_bounded"),
        CheckConstraint("party <> 'farm'", name="farm_takes_the_rest"),
        CheckConstraint("(party = 'freight') = (kind = 'each_minor')", name="freight_is_fixed"),
    )

    id: Mapped[Id]
    position: Mapped[int] = mapped_column(unique=True)
    party: Mapped[Party] = mapped_column(one_of(Party))
    channel: Mapped[Channel | None] = mapped_column(one_of(Channel))
    product_kind: Mapped[ProductKind | None] = mapped_column(one_of(ProductKind))
    kind: Mapped[RuleKind] = mapped_column(one_of(RuleKind))
    value: Mapped[int]

    def fits(self, goods: Goods, channel: Channel) -> bool:
        """Whether the rule speaks of this sale; a host's only where a host sold."""
        return (
            self.channel in (None, channel)
            and self.product_kind in (None, goods.product_kind)
            and (self.party is not Party.HOST or goods.host_id is not None)
        )


class LineSplit(Model):
    """One party's share of one line, in fen, as it was agreed at the sale."""

    __tablename__ = "line_splits"
    __table_args__ = (
        CheckConstraint(among("party", Party), name="party"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"), primary_key=True)
    party: Mapped[Party] = mapped_column(one_of(Party), primary_key=True)
    owner_id: Mapped[UUID | None]
    amount_minor: Mapped[int]


@dataclass(frozen=True)
class Share:
    """A share before it is written down."""

    party: Party
    owner_id: UUID | None
    amount_minor: int


def rules() -> Sequence[SplitRule]:
    """The table, in its order."""
    return session.scalars(select(SplitRule).order_by(SplitRule.position)).all()


def split(goods: Goods, quantity: int, channel: Channel, table: Iterable[SplitRule]) -> list[Share]:
    """Share out one line by the table; parts of nothing are left out.

    Rates that claim more than there is are cut from the end of the table, so that no part is ever below zero.
    """
    total = goods.price_minor * quantity
    rates: dict[Party, int] = {}
    freight = 0
    free_bp = FULL_RATE_BP
    for rule in _first_of_each(goods, channel, table):
        if rule.kind is RuleKind.EACH_MINOR:
            freight = min(total, rule.value * quantity)
        else:
            rates[rule.party] = min(rule.value, free_bp)
            free_bp -= rates[rule.party]
    rates = {Party.FARM: free_bp} | rates
    parts = dict(zip(rates, share(total - freight, list(rates.values())), strict=True)) | {Party.FREIGHT: freight}
    return [Share(party, _owner(party, goods), minor) for party, minor in parts.items() if minor]


def scaled(amounts_minor: Sequence[int], kept_minor: int) -> list[int]:
    """Frozen shares, when only a part of their sum is kept: in proportion, to the fen."""
    return list(amounts_minor) if sum(amounts_minor) == kept_minor else share(kept_minor, amounts_minor)


def account(party: Party, owner_id: UUID | None) -> str:
    """The ledger account that a share goes to."""
    if party is Party.FREIGHT:
        return "carrier:freight"
    return f"{party}:{owner_id}" if owner_id else str(party)


def _first_of_each(goods: Goods, channel: Channel, table: Iterable[SplitRule]) -> list[SplitRule]:
    first: dict[Party, SplitRule] = {}
    for rule in table:
        if rule.party not in first and rule.fits(goods, channel):
            first[rule.party] = rule
    return list(first.values())


def _owner(party: Party, goods: Goods) -> UUID | None:
    owners = {
        Party.FARM: goods.farm_id,
        Party.STATION: goods.station_id,
        Party.HOST: goods.host_id,
        Party.BRANCH: goods.branch_id,
    }
    return owners.get(party)
