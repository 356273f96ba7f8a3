"""Splits: who gets what of a line, by a table of rules that anybody may read, frozen when the line is sold.

Freight is taken off first, as commissions are never reckoned on it: what the carrier's tariff asks for the way and the
weight, or a fixed sum where a rule says so. Of the rest each party has its rate and the farm has what no rate claims;
all parts together are the line's total, to the fen (largest remainder, `core.money.split`).

Where freight is more than the line, all of the line goes to freight and the house bears what is missing
(`LineSplit.quote_minor`): nobody's share is ever below zero.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Id, Model, among, one_of, session
from core.money import FULL_RATE_BP, rate_of
from core.money import split as share
from logistics import tariffs
from logistics.tariffs import Prices
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
    """How a share is reckoned."""

    RATE_BP = "rate_bp"  # of what is left after freight
    EACH_MINOR = "each_minor"  # fen for each pack
    QUOTE_BP = "quote_bp"  # of what the tariff asks for each pack; fits only where the tariff has a price


class SplitRule(Model):
    """One row of the table. For each party the first row that fits, by position, is the one that counts."""

    __tablename__ = "split_rules"
    __table_args__ = (
        CheckConstraint(among("party", Party), name="party"),
        CheckConstraint(among("kind", RuleKind), name="kind"),
        CheckConstraint("value >= 0 AND (kind = 'each_minor' OR value <= 10000)", name="value_bounded"),
        CheckConstraint("party <> 'farm'", name="farm_takes_the_rest"),
        CheckConstraint("(party = 'freight') = (kind IN ('each_minor', 'quote_bp'))", name="freight_is_no_rate"),
    )

    id: Mapped[Id]
    position: Mapped[int] = mapped_column(unique=True)
    party: Mapped[Party] = mapped_column(one_of(Party))
    channel: Mapped[Channel | None] = mapped_column(one_of(Channel))
    product_kind: Mapped[ProductKind | None] = mapped_column(one_of(ProductKind))
    kind: Mapped[RuleKind] = mapped_column(one_of(RuleKind))
    value: Mapped[int]

    def fits(self, goods: Goods, channel: Channel, fee_minor: int | None) -> bool:
        """Whether the rule speaks of this sale; a host's only where a host sold, a quote's where the tariff has one."""
        return (
            self.channel in (None, channel)
            and self.product_kind in (None, goods.product_kind)
            and (self.party is not Party.HOST or goods.host_id is not None)
            and (self.kind is not RuleKind.QUOTE_BP or fee_minor is not None)
        )

    def freight(self, fee_minor: int | None) -> int:
        """Fen that a freight rule asks for one pack, when the tariff asks `fee_minor`."""
        return rate_of(fee_minor or 0, self.value) if self.kind is RuleKind.QUOTE_BP else self.value


class LineSplit(Model):
    """One party's share of one line, in fen, as it was agreed at the sale."""

    __tablename__ = "line_splits"
    __table_args__ = (
        CheckConstraint(among("party", Party), name="party"),
        CheckConstraint("amount_minor > 0 OR quote_minor > 0", name="amount_positive"),
        CheckConstraint(
            "quote_minor IS NULL OR party = 'freight' AND quote_minor > amount_minor", name="quote_above_amount"
        ),
    )

    line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"), primary_key=True)
    party: Mapped[Party] = mapped_column(one_of(Party), primary_key=True)
    owner_id: Mapped[UUID | None]
    amount_minor: Mapped[int]
    quote_minor: Mapped[int | None]
    """Freight that is more than all of its line: what it asks. The house bears the difference."""


@dataclass(frozen=True)
class Share:
    """A share before it is written down."""

    party: Party
    owner_id: UUID | None
    amount_minor: int
    quote_minor: int | None = None


@dataclass(frozen=True)
class Table:
    """The rules and the carrier's prices, as they are at one moment."""

    rules: Sequence[SplitRule]
    prices: Prices | None
    _known: dict[tuple[UUID, int, Channel, int | None], list[Share]] = field(default_factory=dict)
    """What was shared out before: in a live sale the lines of a set are nearly all alike."""

    def shares(self, goods: Goods, quantity: int, channel: Channel, *, to_region: str) -> list[Share]:
        """Share out one line that goes to a region."""
        fee = None
        if self.prices is not None:
            fee = self.prices.fee(goods.station_region, to_region, goods.net_g + goods.tare_g)
        alike = (goods.offer_id or goods.pack_id, quantity, channel, fee)
        if alike not in self._known:
            self._known[alike] = split(goods, quantity, channel, self.rules, fee_minor=fee)
        return self._known[alike]


def table(now: datetime) -> Table:
    """What counts now, in one statement; a tariff that this process knows is not read again."""
    found = session.execute(select(SplitRule, tariffs.in_force_id(now)).order_by(SplitRule.position)).all()
    tariff_id = found[0][1] if found else None
    return Table([row[0] for row in found], tariffs.prices_of(tariff_id) if tariff_id else None)


def rules() -> Sequence[SplitRule]:
    """The table, in its order."""
    return session.scalars(select(SplitRule).order_by(SplitRule.position)).all()


def split(
    goods: Goods, quantity: int, channel: Channel, table: Iterable[SplitRule], *, fee_minor: int | None = None
) -> list[Share]:
    """Share out one line by the table; parts of nothing are left out. The tariff asks `fee_minor` for one pack.

    Rates that claim more than there is are cut from the end of the table, so that no part is ever below zero.
    """
    total = goods.price_minor * quantity
    rates: dict[Party, int] = {}
    asked = 0
    free_bp = FULL_RATE_BP
    for rule in _first_of_each(goods, channel, table, fee_minor):
        if rule.party is Party.FREIGHT:
            asked = rule.freight(fee_minor) * quantity
        else:
            rates[rule.party] = min(rule.value, free_bp)
            free_bp -= rates[rule.party]
    rates = {Party.FARM: free_bp} | rates
    freight = min(total, asked)
    parts = dict(zip(rates, share(total - freight, list(rates.values())), strict=True))
    shares = [Share(party, _owner(party, goods), minor) for party, minor in parts.items() if minor]
    return [*shares, Share(Party.FREIGHT, None, freight, asked if asked > freight else None)] if asked else shares


def scaled(amounts_minor: Sequence[int], kept_minor: int) -> list[int]:
    """Frozen shares, when only a part of their sum is kept: in proportion, to the fen."""
    return list(amounts_minor) if sum(amounts_minor) == kept_minor else share(kept_minor, amounts_minor)


def account(party: Party, owner_id: UUID | None) -> str:
    """The ledger account that a share goes to."""
    if party is Party.FREIGHT:
        return "carrier:freight"
    return f"{party}:{owner_id}" if owner_id else str(party)


def _first_of_each(
    goods: Goods, channel: Channel, table: Iterable[SplitRule], fee_minor: int | None
) -> list[SplitRule]:
    first: dict[Party, SplitRule] = {}
    for rule in table:
        if rule.party not in first and rule.fits(goods, channel, fee_minor):
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
