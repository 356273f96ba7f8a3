"""States as people call them; the words of the trade (docs/glossary.md)."""

from core.i18n import _, gettext

ORDER = {
    "awaiting_payment": _("待付款"),
    "paid": _("待发货"),
    "packing": _("备货中"),
    "shipped": _("已发货"),
    "delivered": _("已签收"),
    "completed": _("交易成功"),
    "cancelled": _("交易关闭"),
    "expired": _("没付款，已关闭"),
    "refunded": _("已退款"),
}
PARCEL = {
    "registered": _("待打包"),
    "packed": _("待称重"),
    "weighed": _("待打单"),
    "labelled": _("待上架"),
    "staged": _("待装车"),
    "loaded": _("已装车"),
    "in_transit": _("在路上"),
    "arrived": _("已到支局"),
    "forwarded": _("待发村站"),
    "going_back": _("待退支局"),
    "out_for_delivery": _("派送中"),
    "delivered": _("已签收"),
    "returned": _("已退回"),
    "cancelled": _("已作废"),
}
WHOLESALE = {
    "placed": _("待确认"),
    "confirmed": _("备货中"),
    "shipped": _("在路上"),
    "received": _("已收货"),
    "cancelled": _("已取消"),
}
REASONS = {
    "buyer": _("您自己取消的"),
    "station": _("站点替您取消的"),
    "expired": _("过了付款时间，果子放回去了"),
    "late": _("钱到得太晚，果子已卖完，已原路退回"),
    "cancelled": _("订单取消了，钱退给您"),
    "doubled": _("多付了一次，多的退给您"),
    "quality": _("果子有坏的"),
    "request": _("您申请的退款"),
    "shortage": _("少了货"),
    "returned": _("包裹退回来了，钱退给您"),
    "returned_not_home": _("家里没人，包裹退回；货款扣了运费退给您"),
    "returned_refused": _("您没有收，包裹退回；货款扣了运费退给您"),
    "returned_address_wrong": _("地址不对，包裹退回；货款扣了运费退给您"),
    "returned_no_answer": _("电话没人接，包裹退回；货款扣了运费退给您"),
    "returned_road_closed": _("路不通，包裹退回；货款全退给您"),
    "returned_damaged": _("路上弄坏了，包裹退回；货款全退给您"),
    "returned_wrong_goods": _("站点装错了货，包裹退回；货款全退给您"),
    "returned_not_collected": _("没有来取，包裹退回；货款扣了运费退给您"),
    "kept_not_collected": _("没有来取，包裹退回；鲜货不能再卖，不退款"),
    "kept_not_home": _("家里没人，包裹退回；鲜货不能再卖，不退款"),
    "kept_refused": _("您没有收，包裹退回；鲜货不能再卖，不退款"),
    "kept_address_wrong": _("地址不对，包裹退回；鲜货不能再卖，不退款"),
    "kept_no_answer": _("电话没人接，包裹退回；鲜货不能再卖，不退款"),
}
REFUND = {
    "requested": _("正在原路退回"),
    "pending": _("正在原路退回"),
    "succeeded": _("已经退到您手里"),
    "failed": _("银行没收下，站点会联系您"),
}
REFUND_CASH = _("请到站点柜台领回现金")


CAUSES = {
    "found": _("后来扫到了"),
    "left_behind": _("落在站里"),
    "sent_on": _("转走了"),
    "not_announced": _("没写进清单"),
    "misread": _("号码扫错"),
    "lost": _("丢失"),
}


def refund(status: str, method: str) -> str:
    """Where the money of a refund is; cash waits at the counter."""
    return gettext(REFUND_CASH if (status, method) == ("requested", "cash") else REFUND.get(status, status))


def cause(word: str) -> str:
    """Why a count differed."""
    return gettext(CAUSES.get(word, word))


def status(word: str) -> str:
    """An order's or wholesale order's state."""
    return gettext(ORDER.get(word) or WHOLESALE.get(word) or word)


def parcel(word: str) -> str:
    """A parcel's state as the post says it."""
    return gettext(PARCEL.get(word, word))


def reason(word: str) -> str:
    """Why something moved, where the house has a word for it; else what a person wrote."""
    return gettext(REASONS.get(word, word))
