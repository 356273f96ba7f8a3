"""Checkout: claims become orders that wait for payment, their goods held for a fixed time.

A set of claims costs as many statements as one: look at the goods, count the buyers' limits, write all rows at once,
and only then, last before the commit, take the hot rows of offers and lots. What was looked at without a lock is
guarded by that last step, so nothing is promised twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.clock import local_day
from core.db import new_id
from core.errors import Malformed, Refusal
from core.i18n import _
from core.money import CURRENCY
from orders import claims as shapes
from orders import goods, limits, rows, serials, splits
from orders.claims import Claim
from orders.drafts import Draft, DraftLine, line_rows, move_row, order_row, split_rows
from orders.goods import Shelf
from orders.limits import OverBuyerLimit
from orders.orders import Order, OrderLine, OrderMove, OrderStatus
from orders.splits import LineSplit
from shop import pools, stock

HOLD = timedelta(minutes=15)
"""How long goods wait for their payment. It is never prolonged."""


class LinesOfSeveralStations(Malformed):
    """An order leaves from one station; what another station packs is another order."""

    message = _("这些商品不在同一个站点发货，请分开下单。")


@dataclass(frozen=True)
class Placed:
    """An order as it was just placed."""

    id: UUID
    number: str
    status: OrderStatus
    pay_by: datetime
    total_minor: int
    currency: str = CURRENCY


When = Callable[[Callable[[], None]], None]
"""When the hot rows are taken: `at_once`, or `core.db.last` where a transaction ends after other work."""


def at_once(take: Callable[[], None]) -> None:
    """Take the hot rows before the orders are given back."""
    take()


def place_one(claim: Claim, *, now: datetime, hot: When = at_once) -> Placed:
    """Place one order. Raises what stands against it; then the caller rolls back and nothing happened."""
    outcome = place([claim], now=now, hot=hot)[0]
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def place(claims: Sequence[Claim], *, now: datetime, hot: When = at_once) -> list[Placed | Refusal]:
    """Place the orders that can be placed; each claim gets its order or the refusal that stands against it.

    Raises LotSoldOut, OfferSoldOut or the like when stock that was seen was gone when it was to be taken: then the
    caller rolls back and tries the claims one by one, so that no claim spoils another.
    """
    outcomes: dict[int, Placed | Refusal] = {}
    waiting = dict(enumerate(claims))
    while waiting:
        outcomes |= _place_round(_one_a_buyer(waiting), now, hot)
        waiting = {index: claim for index, claim in waiting.items() if index not in outcomes}
    return [outcomes[index] for index in range(len(claims))]


def _one_a_buyer(waiting: dict[int, Claim]) -> dict[int, Claim]:
    """The first claim of every buyer: the next one must see what the first one took of his limit."""
    first: dict[UUID, int] = {}
    for index, claim in waiting.items():
        first.setdefault(claim.buyer_id, index)
    return {index: waiting[index] for index in first.values()}


def _place_round(claims: dict[int, Claim], now: datetime, hot: When) -> dict[int, Placed | Refusal]:
    outcomes: dict[int, Placed | Refusal] = {}
    drafts: dict[int, Draft] = {}
    shelf = goods.read([line for claim in claims.values() for line in claim.lines], day=local_day(now))
    for index, claim in claims.items():
        try:
            drafts[index] = _draft(claim, shelf, now)
        except Refusal as refusal:
            outcomes[index] = refusal
    outcomes |= _over_limit(drafts)
    drafts = {index: draft for index, draft in drafts.items() if index not in outcomes}
    return outcomes | dict(zip(drafts, _write(list(drafts.values()), now, hot), strict=True))


def _draft(claim: Claim, shelf: Shelf, now: datetime) -> Draft:
    """Find goods and lot of each line. Raises what stands against the claim."""
    shapes.check(claim)
    found = [(shelf.find(line), line.quantity) for line in claim.lines]
    if len({one.station_id for one, _quantity in found}) > 1:
        raise LinesOfSeveralStations()
    left = shelf.draft()
    lines = [
        DraftLine(new_id(now), one, shelf.choose(one, one.net_g * quantity, left), quantity) for one, quantity in found
    ]
    shelf.left.update(left)
    return Draft(new_id(now), claim, lines)


def _over_limit(drafts: dict[int, Draft]) -> dict[int, Refusal]:
    """Count every buyer's limits in one statement; what a refused draft had counted is given back."""
    wanted = {index: draft.wanted() for index, draft in drafts.items()}
    taken = limits.take({take: bound for takes in wanted.values() for take, bound in takes.items()})
    refused: dict[int, Refusal] = {}
    for index, takes in wanted.items():
        over = [(take, most) for take, (_quantity, most) in takes.items() if take not in taken]
        if over:
            (_buyer, subject), most = over[0]
            names = {line.goods.offer_id or line.goods.pack_id: line.goods.pack_name for line in drafts[index].lines}
            refused[index] = OverBuyerLimit(pack=names[subject], most=most)
            limits.give_back((take, quantity) for take, (quantity, _most) in takes.items() if take in taken)
    return refused


def _write(drafts: Sequence[Draft], now: datetime, hot: When) -> list[Placed]:
    """Write all rows in one statement, then take the hot rows."""
    if not drafts:
        return []
    table = splits.table(now)
    numbers = serials.numbers([draft.lines[0].goods.branch_code for draft in drafts], now=now)
    pay_by = now + HOLD
    rows.write(
        {
            Order: [
                order_row(draft, number, pay_by=pay_by, now=now) for draft, number in zip(drafts, numbers, strict=True)
            ],
            OrderLine: [row for draft in drafts for row in line_rows(draft)],
            LineSplit: [row for draft in drafts for row in split_rows(draft, table)],
            OrderMove: [move_row(draft, now=now) for draft in drafts],
        }
    )
    reference = numbers[0] if len(numbers) == 1 else f"{numbers[0]}+{len(numbers) - 1}"
    hot(lambda: _hold(drafts, reference, now))
    return [
        Placed(draft.id, number, OrderStatus.AWAITING_PAYMENT, pay_by, draft.total_minor)
        for draft, number in zip(drafts, numbers, strict=True)
    ]


def _hold(drafts: Sequence[Draft], reference: str, now: datetime) -> None:
    """Take the hot rows, summed, offers before lots. Raises when somebody was faster."""
    packs: dict[UUID, int] = {}
    grams: dict[UUID, int] = {}
    for line in (line for draft in drafts for line in draft.lines):
        if line.goods.offer_id is not None:
            packs[line.goods.offer_id] = packs.get(line.goods.offer_id, 0) + line.quantity
        grams[line.lot_id] = grams.get(line.lot_id, 0) + line.goods.net_g * line.quantity
    if packs:
        pools.hold(packs, reference=reference, now=now)
    stock.hold(grams, reference=reference, now=now)
