"""Checkout: claims become orders that wait for payment, their goods held for a fixed time.

A set of claims costs as many statements as one: look at the goods, count the buyers' limits, write all rows at once,
and only then, last before the commit, take the hot rows of offers and lots. What was looked at without a lock is
guarded by that last step, so nothing is promised twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from core.clock import local_day
from core.db import new_id
from core.errors import Malformed, Refusal
from core.i18n import _
from orders import claims as shapes
from orders import goods, limits, placed, rows, serials, splits
from orders.claims import Claim
from orders.drafts import Draft, DraftLine, Wish, leaving, line_rows, move_row, order_row, split_rows
from orders.goods import Shelf
from orders.limits import OverBuyerLimit, Take, TooManyUnpaid
from orders.orders import Order, OrderLine, OrderMove
from orders.placed import Outcome, Placed
from orders.splits import LineSplit
from shop import pools, stock

T = TypeVar("T")
S = TypeVar("S")

HOLD = timedelta(minutes=15)
"""How long goods wait for their payment. It is never prolonged."""


class LinesOfSeveralStations(Malformed):
    """An order leaves from one station; what another station packs is another order."""

    message = _("这些商品不在同一个站点发货，请分开下单。")


class LinesShipApart(Malformed):
    """An order leaves in one promised window; ready goods, or a presale of other days, are another order."""

    message = _("预售和现货，或者发货日子不同的预售，请分开下单。")


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

    A claim whose key has brought an order before gets that order again, whatever is left by now.
    Raises LotSoldOut, OfferSoldOut or the like when stock that was seen was gone when it was to be taken: then the
    caller rolls back and looks again, so that no claim spoils another.
    """
    shelf = goods.read([line for claim in claims for line in claim.lines], now=now)
    outcomes: dict[int, Outcome] = {}
    wishes = _each(enumerate(claims), lambda claim: _wish(claim, shelf), outcomes)
    takes = {index: wish.takes() for index, wish in wishes.items()}
    over = limits.count(takes)
    outcomes |= {index: _over(wishes[index], take, takes[index][take][1]) for index, take in over.items()}
    free = [(index, wish) for index, wish in wishes.items() if index not in over]
    drafts = _each(free, lambda wish: _draft(wish, shelf, now), outcomes)
    outcomes |= _write(drafts, now, hot)
    counted = [takes[index] for index, _wish in free if not isinstance(outcomes.get(index), Placed)]
    limits.give_back((take, quantity) for one in counted for take, (quantity, _most) in one.items())
    unplaced = {index: claim for index, claim in enumerate(claims) if not isinstance(outcomes.get(index), Placed)}
    outcomes |= placed.again(unplaced)
    return [outcomes[index] for index in range(len(claims))]


def _each(items: Iterable[tuple[int, T]], work: Callable[[T], S], refused: dict[int, Outcome]) -> dict[int, S]:
    """What came of the work on each; what stands against one is put with the refused."""
    done: dict[int, S] = {}
    for index, item in items:
        try:
            done[index] = work(item)
        except Refusal as refusal:
            refused[index] = refusal
    return done


def _wish(claim: Claim, shelf: Shelf) -> Wish:
    """What the lines of a claim stand for. Raises what stands against it, whoever else asks."""
    shapes.check(claim)
    found = [(shelf.find(line), line.quantity) for line in claim.lines]
    if len({one.station_id for one, _quantity in found}) > 1:
        raise LinesOfSeveralStations()
    if len({one.ships for one, _quantity in found}) > 1:
        raise LinesShipApart()
    alone = shelf.draft()
    for one, quantity in found:
        shelf.take(one, quantity, alone)
    return Wish(claim, found)


def _over(wish: Wish, take: Take, most: int) -> Refusal:
    if take.is_unpaid_orders:
        return TooManyUnpaid(most=most)
    names = {goods.offer_id or goods.pack_id: goods.pack_name for goods, _quantity in wish.found}
    return OverBuyerLimit(pack=names[take.subject_id], most=most)


def _draft(wish: Wish, shelf: Shelf, now: datetime) -> Draft:
    """Take from what those before it have left. Raises LotSoldOut, OfferSoldOut."""
    left = shelf.draft()
    lines = [DraftLine(new_id(now), one, shelf.take(one, quantity, left), quantity) for one, quantity in wish.found]
    shelf.left.update(left)
    return Draft(new_id(now), wish.claim, lines)


def _write(drafts: Mapping[int, Draft], now: datetime, hot: When) -> dict[int, Outcome]:
    """Write all rows in two statements, then take the hot rows. What its key had brought before is left out."""
    if not drafts:
        return {}
    codes = [draft.lines[0].goods.branch_code for draft in drafts.values()]
    numbers = dict(zip(drafts, serials.numbers(codes, now=now), strict=True))
    pay_by = now + HOLD
    in_order = sorted(drafts.items(), key=lambda one: _meeting(one[1].claim))
    fresh = rows.write_new(Order, [order_row(draft, numbers[i], pay_by=pay_by, now=now) for i, draft in in_order])
    mine = {index: draft for index, draft in drafts.items() if draft.id in fresh}
    if not mine:
        return {}
    table = splits.table(now)
    rows.write(
        {
            OrderLine: [row for draft in mine.values() for row in line_rows(draft)],
            LineSplit: [row for draft in mine.values() for row in split_rows(draft, table)],
            OrderMove: [move_row(draft, now=now) for draft in mine.values()],
        }
    )
    first = numbers[next(iter(mine))]
    reference = first if len(mine) == 1 else f"{first}+{len(mine) - 1}"
    hot(lambda: _hold(mine.values(), reference, now))
    return {index: Placed(draft.id, numbers[index], pay_by, draft.total_minor) for index, draft in mine.items()}


def _meeting(claim: Claim) -> tuple[bytes, bytes]:
    """In this order everywhere, so that two sets with the same keys wait for each other but never in a ring."""
    return claim.buyer_id.bytes, claim.key.name if claim.key else b""


def _hold(drafts: Iterable[Draft], reference: str, now: datetime) -> None:
    """Take the hot rows, summed, offers before lots. Raises when somebody was faster."""
    packs: dict[UUID, int] = {}
    grams: dict[UUID, int] = {}
    lines = [line for draft in drafts for line in draft.lines]
    for line in lines:
        if line.goods.offer_id is not None:
            packs[line.goods.offer_id] = packs.get(line.goods.offer_id, 0) + line.quantity
        grams[line.lot_id] = grams.get(line.lot_id, 0) + line.goods.net_g * line.quantity
    if packs:
        pools.hold(packs, reference=reference, now=now)
    stock.hold(grams, reference=reference, now=now, leaving=leaving(lines, local_day(now)))
