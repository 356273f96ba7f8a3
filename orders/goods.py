"""Goods: what the lines of a basket stand for, as it is on sale at this moment, and the lots it can be taken from."""

from collections import ChainMap, defaultdict
from collections.abc import Collection, MutableMapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core.db import session
from logistics.branches import Branch
from logistics.stations import Station
from orders.claims import ClaimLine
from shop.farms import Farm
from shop.live import LiveSession, NotOnAir, SessionStatus
from shop.lots import HarvestLot, LotNotReady, LotPastDate, LotSoldOut, LotStatus
from shop.offers import LiveOffer, OfferStatus, OfferStopped, OfferUnknown
from shop.packs import Pack, PackStatus, PackStopped, PackUnknown
from shop.products import Product, ProductKind, ProductStatus

Left = MutableMapping[UUID, int]
"""Lot → grams that can still be promised, as far as we know before we take them."""


@dataclass(frozen=True)
class Goods:
    """One thing for sale: a pack at its list price, or at the price of the live offer that it was asked by."""

    pack_id: UUID
    pack_name: str
    net_g: int
    price_minor: int
    buyer_limit: int | None
    product_id: UUID
    product_name: str
    product_kind: ProductKind
    farm_id: UUID
    station_id: UUID
    branch_id: UUID
    branch_code: str
    offer_id: UUID | None = None
    session_id: UUID | None = None
    host_id: UUID | None = None


@dataclass
class Shelf:
    """Everything that some baskets ask for: packs, offers, and the open lots behind them."""

    packs: dict[UUID, Any]
    offers: dict[UUID, Any]
    lots: dict[UUID, list[Any]]
    left: Left
    day: date

    def find(self, line: ClaimLine) -> Goods:
        """What a line stands for. Raises PackUnknown, PackStopped, OfferUnknown, OfferStopped, NotOnAir."""
        if line.offer_id is None:
            return _goods(self.packs.get(line.pack_id)) if line.pack_id else _goods(None)
        offer = self.offers.get(line.offer_id)
        if offer is None:
            raise OfferUnknown()
        if offer.room_status is not SessionStatus.ON_AIR:
            raise NotOnAir()
        if offer.status is not OfferStatus.OPEN:
            raise OfferStopped(number=offer.number)
        return _goods(self.packs.get(offer.pack_id), offer)

    def choose(self, goods: Goods, grams: int, left: Left) -> UUID:
        """The lot to take from: of those with enough left, the one that ends first; `left` is lowered.

        Raises LotSoldOut, and LotPastDate or LotNotReady when there is no other lot.
        """
        lots = self.lots[goods.product_id]
        ready = [lot for lot in lots if lot.ready_on <= self.day <= lot.best_before]
        for lot in ready:
            if left[lot.id] >= grams:
                left[lot.id] -= grams
                return UUID(str(lot.id))
        if not ready and lots:
            latest = lots[-1]
            if self.day > latest.best_before:
                raise LotPastDate(best_before=latest.best_before)
            raise LotNotReady(ready_on=latest.ready_on)
        raise LotSoldOut(left_g=max((left[lot.id] for lot in ready), default=0))

    def draft(self) -> Left:
        """What is left, to be lowered by a basket that may still be refused; `self.left.update(...)` keeps it."""
        return ChainMap({}, self.left)


def read(lines: Collection[ClaimLine], *, day: date) -> Shelf:
    """Look at everything that these lines ask for: two statements, three when live offers are among them.

    Nothing is locked here, so what is left may be gone a moment later: the hold decides.
    """
    offer_ids = {line.offer_id for line in lines if line.offer_id}
    offers = {row.id: row for row in session.execute(_OFFERS.where(LiveOffer.id.in_(offer_ids)))} if offer_ids else {}
    pack_ids = {line.pack_id for line in lines if line.pack_id} | {row.pack_id for row in offers.values()}
    packs = {row.id: row for row in session.execute(_PACKS.where(Pack.id.in_(pack_ids)))}
    lots: dict[UUID, list[Any]] = defaultdict(list)
    for lot in session.execute(_LOTS.where(HarvestLot.product_id.in_({row.product_id for row in packs.values()}))):
        lots[lot.product_id].append(lot)
    left = {lot.id: lot.left_g for found in lots.values() for lot in found}
    return Shelf(packs, offers, lots, left, day)


_PACKS = (
    select(
        Pack.id, Pack.name, Pack.net_g, Pack.price_minor, Pack.per_buyer_limit, Pack.status, Pack.product_id,
        Product.name.label("product_name"), Product.kind, Product.status.label("product_status"), Product.farm_id,
        Farm.station_id, Station.branch_id, Branch.code.label("branch_code"),
    )
    .join(Product, Product.id == Pack.product_id)
    .join(Farm, Farm.id == Product.farm_id)
    .join(Station, Station.id == Farm.station_id)
    .join(Branch, Branch.id == Station.branch_id)
)  # fmt: skip

_OFFERS = select(
    LiveOffer.id, LiveOffer.number, LiveOffer.pack_id, LiveOffer.price_minor, LiveOffer.per_buyer_limit,
    LiveOffer.status, LiveOffer.session_id, LiveSession.host_id, LiveSession.status.label("room_status"),
).join(LiveSession, LiveSession.id == LiveOffer.session_id)  # fmt: skip

_LOTS = (
    select(
        HarvestLot.id, HarvestLot.product_id, HarvestLot.ready_on, HarvestLot.best_before,
        (HarvestLot.ceiling_g - HarvestLot.held_g - HarvestLot.allocated_g).label("left_g"),
    )
    .where(HarvestLot.status == LotStatus.OPEN)
    .order_by(HarvestLot.best_before, HarvestLot.id)
)  # fmt: skip


def _goods(pack: Any, offer: Any = None) -> Goods:
    if pack is None:
        raise PackUnknown()
    if pack.status is not PackStatus.LISTED or pack.product_status is not ProductStatus.LISTED:
        raise PackStopped(pack=pack.name)
    priced = pack if offer is None else offer
    return Goods(
        pack_id=pack.id,
        pack_name=pack.name,
        net_g=pack.net_g,
        price_minor=priced.price_minor,
        buyer_limit=priced.per_buyer_limit,
        product_id=pack.product_id,
        product_name=pack.product_name,
        product_kind=pack.kind,
        farm_id=pack.farm_id,
        station_id=pack.station_id,
        branch_id=pack.branch_id,
        branch_code=pack.branch_code,
        offer_id=offer.id if offer else None,
        session_id=offer.session_id if offer else None,
        host_id=offer.host_id if offer else None,
    )
