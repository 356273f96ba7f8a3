"""News of the orders. Listeners run in the same transaction; one that fails fails the sender."""

from datetime import datetime
from typing import TYPE_CHECKING

from core.events import signal

if TYPE_CHECKING:
    from orders.orders import Order


@signal
def order_paid(order: "Order", *, now: datetime) -> None:
    """An order is paid and its goods are allocated: it can be packed."""


@signal
def order_cancelled(order: "Order", *, now: datetime) -> None:
    """An order was cancelled before it was paid; its goods are free again."""


@signal
def order_shipped(order: "Order", *, now: datetime) -> None:
    """The last parcel of an order has left its station."""


@signal
def order_ended(order: "Order", *, now: datetime) -> None:
    """Every parcel of an order is delivered or has come back."""


@signal
def order_completed(order: "Order", *, now: datetime) -> None:
    """All of an order is delivered and its money is shared out."""
