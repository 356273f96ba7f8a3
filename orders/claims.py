"""Claims: what somebody asks for, before anybody has looked whether it is there."""

from dataclasses import dataclass
from uuid import UUID

from core.errors import Malformed
from core.i18n import _
from logistics.addresses import Address
from orders.orders import Channel

LINES_MAX = 50
QUANTITY_MAX = 999


class BasketEmpty(Malformed):
    """An order needs at least one line."""

    message = _("请至少选一样商品。")


class BasketTooLong(Malformed):
    """More lines than anybody packs in one go."""

    message = _("一个订单最多 {most} 行。")


class LineUnclear(Malformed):
    """A line names a pack or a live offer: one of the two, and only one."""

    message = _("每一行要么选规格，要么选直播链接，二选一。")


class QuantityImpossible(Malformed):
    """Zero, less than zero, or more than anybody can mean."""

    message = _("数量要在 1 到 {most} 之间。")


@dataclass(frozen=True)
class ClaimLine:
    """So many of one pack, at its list price or at the price of a live offer."""

    quantity: int
    pack_id: UUID | None = None
    offer_id: UUID | None = None

    @property
    def thing(self) -> UUID | None:
        """The offer or the pack that is asked for."""
        return self.offer_id or self.pack_id


@dataclass(frozen=True)
class Key:
    """What the caller calls this request, so that it is done once however often it is sent (`core.once`)."""

    name: bytes
    """A hash of the idempotency key and of what it was sent to."""
    print: bytes
    """A hash of what was asked."""


@dataclass(frozen=True)
class Claim:
    """One order as it was asked for. The price is never part of it: the house knows the price."""

    buyer_id: UUID
    lines: tuple[ClaimLine, ...]
    address: Address
    channel: Channel = Channel.WEB
    key: Key | None = None


def check(claim: Claim) -> None:
    """Refuse what makes no sense whatever the stock.

    Raises BasketEmpty, BasketTooLong, LineUnclear, QuantityImpossible.
    """
    if not claim.lines:
        raise BasketEmpty()
    if len(claim.lines) > LINES_MAX:
        raise BasketTooLong(most=LINES_MAX)
    for line in claim.lines:
        if (line.pack_id is None) == (line.offer_id is None):
            raise LineUnclear()
        if not 1 <= line.quantity <= QUANTITY_MAX:
            raise QuantityImpossible(most=QUANTITY_MAX)
