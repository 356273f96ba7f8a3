"""Drafts: orders that could be placed, as far as can be seen without a lock, and the rows that they become."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from core import sealed
from core.db import new_id
from core.money import CURRENCY
from orders.claims import Claim
from orders.goods import Goods
from orders.limits import OPEN_MAX, Take, unpaid_order
from orders.orders import Channel, OrderStatus
from orders.rows import Row
from orders.splits import Table
from shop.presale import Days

PHONE_PURPOSE = "phone/recipient"


@dataclass(frozen=True)
class Wish:
    """A claim that makes sense: what its lines stand for, and how many of each."""

    claim: Claim
    found: list[tuple[Goods, int]]

    def takes(self) -> dict[Take, tuple[int, int]]:
        """What it counts against the buyer's limits: quantity and limit by thing, the order itself among them."""
        sums = {unpaid_order(self.claim.buyer_id): (1, OPEN_MAX)}
        for goods, quantity in self.found:
            if goods.buyer_limit is not None:
                one = Take(self.claim.buyer_id, goods.offer_id or goods.pack_id)
                sums[one] = (sums.get(one, (0, 0))[0] + quantity, goods.buyer_limit)
        return sums


@dataclass(frozen=True)
class DraftLine:
    """A line that found its goods and its lot."""

    id: UUID
    goods: Goods
    lot_id: UUID
    quantity: int

    @property
    def total_minor(self) -> int:
        return self.goods.price_minor * self.quantity


@dataclass(frozen=True)
class Draft:
    """An order that could be placed, as far as could be seen without a lock."""

    id: UUID
    claim: Claim
    lines: list[DraftLine]

    @property
    def channel(self) -> Channel:
        live = self.claim.channel is Channel.WEB and any(line.goods.session_id for line in self.lines)
        return Channel.LIVE if live else self.claim.channel

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines)


def leaving(lines: Sequence[DraftLine], today: date) -> dict[UUID, Days]:
    """Lot → the days that fit all that is drawn on it; empty where no presale is among the lines."""
    if all(line.goods.days is None for line in lines):
        return {}
    found: dict[UUID, Days] = {}
    for line in lines:
        days = line.goods.days or Days(today, today)
        found[line.lot_id] = found[line.lot_id].narrowed(days) if line.lot_id in found else days
    return found


def order_row(draft: Draft, number: str, *, pay_by: datetime, now: datetime) -> Row:
    """The order itself, its recipient sealed to it."""
    to = draft.claim.address
    clear = {"name": to.name, "phone": to.phone, "detail": to.detail}
    hidden = {
        f"{field}_sealed": sealed.seal(words, table="orders", column=field, row_id=draft.id)
        for field, words in clear.items()
    }
    return hidden | {
        "id": draft.id,
        "number": number,
        "channel": draft.channel,
        "status": OrderStatus.AWAITING_PAYMENT,
        "buyer_id": draft.claim.buyer_id,
        "station_id": draft.lines[0].goods.station_id,
        "session_id": next((line.goods.session_id for line in draft.lines if line.goods.session_id), None),
        "total_minor": draft.total_minor,
        "refunded_minor": 0,
        "currency": CURRENCY,
        "placed_at": now,
        "pay_by": pay_by,
        **draft.lines[0].goods.ships._asdict(),
        "region_code": to.region_code,
        "phone_index": sealed.blind(to.phone, PHONE_PURPOSE),
        "phone_tail": to.phone[-4:],
        "placing_key": draft.claim.key and draft.claim.key.name,
        "placing_print": draft.claim.key and draft.claim.key.print,
    }


def line_rows(draft: Draft) -> Iterable[Row]:
    """Its lines, in the order in which they were asked for."""
    for position, line in enumerate(draft.lines, 1):
        yield {
            "id": line.id,
            "order_id": draft.id,
            "position": position,
            "pack_id": line.goods.pack_id,
            "offer_id": line.goods.offer_id,
            "lot_id": line.lot_id,
            "farm_id": line.goods.farm_id,
            "product_name": line.goods.product_name,
            "pack_name": line.goods.pack_name,
            "quantity": line.quantity,
            "net_g": line.goods.net_g,
            "price_minor": line.goods.price_minor,
            "total_minor": line.total_minor,
            "refunded_minor": 0,
            "limited": line.goods.buyer_limit is not None,
        }


def split_rows(draft: Draft, table: Table) -> Iterable[Row]:
    """Who gets what of each line, frozen now."""
    for line in draft.lines:
        to_region = draft.claim.address.region_code
        for share in table.shares(line.goods, line.quantity, draft.channel, to_region=to_region):
            yield {"line_id": line.id, **vars(share)}


def move_row(draft: Draft, *, now: datetime) -> Row:
    """Its first step."""
    return {
        "id": new_id(now),
        "order_id": draft.id,
        "became": OrderStatus.AWAITING_PAYMENT,
        "at": now,
        "by": draft.claim.buyer_id,
        "reason": "",
    }
