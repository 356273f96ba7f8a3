"""The order report of a Tmall shop: one row an order, with its amounts, its times, and the province it went to."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sqlalchemy import select

from core.db import session
from core.i18n import _
from logistics.regions import Level, Region
from orders.channels import cells
from orders.channels.cells import RowHeld
from orders.channels.sales import Sale
from orders.orders import Channel

NUMBER = "订单编号"
TOTAL = "总金额"
KEPT = "买家实际支付金额"
PROVINCE = "收货地址"
PLACED = "订单创建时间"
PAID = "订单付款时间"
REFUNDED = "退款金额"


class AmountsDisagree(RowHeld):
    """Of a paid order, the total is what was kept and what was given back."""

    message = _("总金额 {total_minor} 分不等于实付 {kept_minor} 分加退款 {refunded_minor} 分。")


class MoneyWithoutPayment(RowHeld):
    """Money was kept or given back, but no time of payment is told."""

    message = _("有实付或退款金额，却没有付款时间。")


class PaidBeforePlaced(RowHeld):
    """Paid before it was placed."""

    message = _("付款时间早于创建时间。")


class ProvinceUnknown(RowHeld):
    """No province of this name."""

    message = _("没有“{text}”这个省。")


class Report:
    """A reader of such reports."""

    channel: ClassVar[Channel] = Channel.TMALL_REPORT
    columns: ClassVar[Sequence[str]] = (NUMBER, TOTAL, KEPT, PROVINCE, PLACED, PAID, REFUNDED)
    required: ClassVar[frozenset[str]] = frozenset(columns) - {
        PAID
    }  # an empty time of payment means that it was never paid

    def __init__(self) -> None:
        query = select(Region.name, Region.code).where(Region.level == Level.PROVINCE)
        full = {row.name: row.code for row in session.execute(query)}
        self.provinces = full | {_short(name): code for name, code in full.items()}

    def read(self, row: Mapping[str, str]) -> Sale:
        """One order. Raises a RowRejected or RowHeld."""
        sale = Sale(
            external_number=cells.order_number(row[NUMBER]),
            total_minor=cells.fen(row[TOTAL], TOTAL),
            refunded_minor=cells.fen(row[REFUNDED], REFUNDED),
            region_code=self._province(row[PROVINCE]),
            placed_at=cells.moment(row[PLACED], PLACED),
            paid_at=cells.moment(row[PAID], PAID) if row[PAID] else None,
        )
        _check(sale, cells.fen(row[KEPT], KEPT))
        return sale

    def _province(self, text: str) -> str:
        code: str | None = self.provinces.get(text)
        if code is None:
            raise ProvinceUnknown(text=text[: cells.SHOWN_MAX])
        return code


def _check(sale: Sale, kept_minor: int) -> None:
    """Whether the row agrees with itself."""
    if sale.paid_at is None:
        if kept_minor or sale.refunded_minor:
            raise MoneyWithoutPayment
    elif sale.total_minor != kept_minor + sale.refunded_minor:
        raise AmountsDisagree(total_minor=sale.total_minor, kept_minor=kept_minor, refunded_minor=sale.refunded_minor)
    elif sale.paid_at < sale.placed_at:
        raise PaidBeforePlaced


def _short(name: str) -> str:
    """上海市 as a report says it: 上海."""
    return name.removesuffix("市").removesuffix("省")
