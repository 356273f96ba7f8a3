"""Recipients: the buyer reads his own address in clear, everybody else reads a mask."""

from dataclasses import dataclass

from core import sealed
from core.auth import Who
from logistics import regions
from orders.orders import Order


@dataclass(frozen=True)
class Recipient:
    """Where an order goes, as far as the reader may know."""

    name: str
    phone: str
    region_code: str
    region: str
    detail: str


def shown_to(order: Order, who: Who) -> Recipient | None:
    """The recipient of an order; a sale from a platform's report has none."""
    if order.detail_sealed is None or order.region_code is None:
        return None
    name, phone, detail = (sealed.open_field(order, field) for field in ("name", "phone", "detail"))
    if order.buyer_id != who.user_id:
        name, phone, detail = sealed.mask_name(name), sealed.mask_phone(phone), sealed.mask_address(detail)
    return Recipient(name, phone, order.region_code, regions.full_name(order.region_code), detail)
