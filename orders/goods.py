"""Goods: what the lines of a basket stand for, as it is on sale at this moment, and the lots it can be taken from."""

from collections import ChainMap, defaultdict
from collections.abc import Collection, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from core.clock import local_day
from core.db import swift
from orders.claims import ClaimLine
from shop.live import NotOnAir
from shop.lots import LotNotReady, LotPastDate, LotSoldOut
from shop.offer_terms import Window, check_open
from shop.offers import OfferStopped, OfferUnknown
from shop.packs import PackStopped, PackUnknown
from shop.pools import OfferSoldOut
from shop.presale import READY, Days, NoHarvestInWindow, ShipWindow, window_of
from shop.products import ProductKind

Left = MutableMapping[UUID, int]
"""Lot → grams, and offer → packs, that can still be promised, as far as we know before we take them."""


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
    tare_g: int = 0
    station_region: str = ""
    offer_id: UUID | None = None
    session_id: UUID | None = None
    host_id: UUID | None = None
    ships: ShipWindow = READY
    days: Days | None = None
    """For a presale, the days in which its lot has to be there."""


@dataclass
class Shelf:
    """Everything that some baskets ask for: packs, offers, and the open lots behind them."""

    packs: dict[UUID, Any]
    offers: dict[UUID, Any]
    lots: dict[UUID, list[Any]]
    left: Left
    now: datetime
    """The moment that windows and harvest days are judged by."""
    _found: dict[tuple[UUID | None, UUID | None], Goods] = field(default_factory=dict)
    _ready: dict[tuple[UUID, Days | None], list[Any]] = field(default_factory=dict)

    def find(self, line: ClaimLine) -> Goods:
        """What a line stands for.

        Raises PackUnknown, PackStopped, OfferUnknown, OfferStopped, OfferNotYet, OfferOver, NotOnAir, PresaleOver.
        """
        thing = (line.pack_id, line.offer_id)
        if thing not in self._found:
            self._found[thing] = self._find(line)
        return self._found[thing]

    def _find(self, line: ClaimLine) -> Goods:
        if line.offer_id is None:
            return _goods(self.packs.get(line.pack_id) if line.pack_id else None, now=self.now)
        offer = self.offers.get(line.offer_id)
        if offer is None:
            raise OfferUnknown()
        if not offer.on_air:
            raise NotOnAir()
        if not offer.on_sale:
            raise OfferStopped(number=offer.number)
        check_open(offer.number, Window(offer.opens_at, offer.closes_at), now=self.now)
        return _goods(self.packs.get(offer.pack_id), offer, now=self.now)

    def take(self, goods: Goods, quantity: int, left: Left) -> UUID:
        """Lower `left` by so many packs; gives the lot: of those with enough left, the one that ends first.

        Raises OfferSoldOut, LotSoldOut, and LotPastDate, LotNotReady or NoHarvestInWindow when there is no other lot.
        """
        if goods.offer_id is not None:
            if left[goods.offer_id] < quantity:
                number = self.offers[goods.offer_id].number
                raise OfferSoldOut(number=number, left=left[goods.offer_id], offer_id=goods.offer_id)
            left[goods.offer_id] -= quantity
        ready = self.ready(goods)
        for lot in ready:
            if left[lot.lot_id] >= goods.net_g * quantity:
                left[lot.lot_id] -= goods.net_g * quantity
                lot_id: UUID = lot.lot_id
                return lot_id
        if not ready and goods.ships.is_presale:
            raise NoHarvestInWindow(**goods.ships._asdict())
        if not ready and (lots := self.lots.get(goods.product_id)):
            latest = lots[-1]
            if local_day(self.now) > latest.best_before:
                raise LotPastDate(best_before=latest.best_before)
            raise LotNotReady(ready_on=latest.ready_on)
        raise LotSoldOut(left_g=max((left[lot.lot_id] for lot in ready), default=0))

    def ready(self, goods: Goods) -> list[Any]:
        """The lots that are there when the goods are to leave: today, or in the days of a presale."""
        asked = (goods.product_id, goods.days)
        if asked not in self._ready:
            day = local_day(self.now)
            days = goods.days or Days(day, day)
            self._ready[asked] = [lot for lot in self.lots.get(goods.product_id, []) if days.fits(lot)]
        return self._ready[asked]

    def draft(self) -> Left:
        """What is left, to be lowered by a basket that may still be refused; `self.left.update(...)` keeps it."""
        return ChainMap({}, self.left)


def read(lines: Collection[ClaimLine], *, now: datetime) -> Shelf:
    """Look at everything that these lines ask for: one statement, two when live offers are among them.

    Nothing is locked here, so what is left may be gone a moment later: the hold decides.
    """
    offer_ids = {line.offer_id for line in lines if line.offer_id}
    offers = {row.id: row for row in swift(_OFFERS, {"ids": list(offer_ids)})} if offer_ids else {}
    pack_ids = {line.pack_id for line in lines if line.pack_id} | {row.pack_id for row in offers.values()}
    packs: dict[UUID, Any] = {}
    lots: dict[UUID, dict[UUID, Any]] = defaultdict(dict)
    for row in swift(_PACKS, {"ids": list(pack_ids)}) if pack_ids else ():
        packs[row.id] = row
        if row.lot_id is not None:
            lots[row.product_id][row.lot_id] = row
    left = {lot_id: row.left_g for found in lots.values() for lot_id, row in found.items()}
    left |= {offer_id: row.left_packs for offer_id, row in offers.items()}
    return Shelf(packs, offers, {product: list(found.values()) for product, found in lots.items()}, left, now)


_PACKS = text("""
    SELECT pack.id, pack.name, pack.net_g, pack.tare_g, pack.price_minor, pack.per_buyer_limit, pack.product_id,
           pack.ships_from, pack.ships_by,
           pack.status = 'listed' AND product.status = 'listed' AS on_sale, product.name AS product_name, product.kind,
           farm.id AS farm_id, station.id AS station_id, station.region_code AS station_region,
           branch.id AS branch_id, branch.code AS branch_code,
           lot.id AS lot_id, lot.ready_on, lot.best_before, lot.ceiling_g - lot.held_g - lot.allocated_g AS left_g
    FROM packs pack
    JOIN products product ON product.id = pack.product_id
    JOIN farms farm ON farm.id = product.farm_id
    JOIN stations station ON station.id = farm.station_id
    JOIN branches branch ON branch.id = station.branch_id
    LEFT JOIN harvest_lots lot ON lot.product_id = product.id AND lot.status = 'open'
    WHERE pack.id = ANY(:ids)
    ORDER BY lot.best_before, lot.id
""")
"""Each pack with each open lot behind it, those that end first in front."""

_OFFERS = text("""
    SELECT offer.id, offer.number, offer.pack_id, offer.price_minor, offer.per_buyer_limit, offer.session_id,
           offer.opens_at, offer.closes_at, offer.ships_from, offer.ships_by,
           offer.status = 'open' AS on_sale, offer.pool - offer.held - offer.sold AS left_packs,
           room.host_id, room.status = 'on_air' AS on_air
    FROM live_offers offer JOIN live_sessions room ON room.id = offer.session_id
    WHERE offer.id = ANY(:ids)
""")


def _goods(pack: Any, offer: Any = None, *, now: datetime) -> Goods:
    if pack is None:
        raise PackUnknown()
    if not pack.on_sale:
        raise PackStopped(pack=pack.name)
    priced = pack if offer is None else offer
    ships = window_of(offer if offer is not None and offer.ships_by else pack)
    return Goods(
        pack_id=pack.id,
        pack_name=pack.name,
        net_g=pack.net_g,
        price_minor=priced.price_minor,
        buyer_limit=priced.per_buyer_limit,
        product_id=pack.product_id,
        product_name=pack.product_name,
        product_kind=ProductKind(pack.kind),
        farm_id=pack.farm_id,
        station_id=pack.station_id,
        branch_id=pack.branch_id,
        branch_code=pack.branch_code,
        tare_g=pack.tare_g,
        station_region=pack.station_region,
        offer_id=offer.id if offer else None,
        session_id=offer.session_id if offer else None,
        host_id=offer.host_id if offer else None,
        ships=ships,
        days=ships.days(local_day(now)) if ships.is_presale else None,
    )
