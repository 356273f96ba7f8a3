"""Goods inward: what a station received of a wholesale order, it owes; what was short or damaged, nobody owes."""

from datetime import datetime
from uuid import UUID

from orders import ledger
from shop import events
from shop.wholesale import WholesaleOrder


@events.wholesale_received.connect
def book(order: WholesaleOrder, *, by: UUID, now: datetime) -> None:
    """The supplier has earned what arrived whole; the station pays for it out of its account."""
    payable = order.payable_minor or 0
    if payable:
        entries = [(f"station:{order.station_id}", payable), (f"supplier:{order.supplier_id}", -payable)]
        ledger.post("wholesale", order.number, f"wholesale:{order.id}:received", entries, now=now, by=by)
