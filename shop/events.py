"""News of the shop. Listeners run in the same transaction; one that fails fails the sender."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from core.events import signal

if TYPE_CHECKING:
    from shop.live import LiveSession
    from shop.products import Product
    from shop.wholesale import WholesaleOrder


@signal
def harvest_short(lot_id: UUID, missing_g: int) -> None:
    """A lot has promised `missing_g` more than it can give; the shortage is recorded."""


@signal
def product_listed(product: "Product") -> None:
    """A product came onto the storefront."""


@signal
def session_started(live: "LiveSession", *, now: datetime) -> None:
    """A host went on air."""


@signal
def session_ended(live: "LiveSession", *, now: datetime) -> None:
    """A host went off air; nothing more is sold in this session."""


@signal
def wholesale_received(order: "WholesaleOrder", *, by: UUID, now: datetime) -> None:
    """A station has counted the goods of a wholesale order."""
