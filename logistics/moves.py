"""The steps a parcel can take: one table, read by everything that moves one."""

from enum import StrEnum

from core.i18n import _


class ParcelStatus(StrEnum):
    """Where a parcel stands on its way."""

    REGISTERED = "registered"
    PACKED = "packed"
    WEIGHED = "weighed"
    LABELLED = "labelled"
    STAGED = "staged"
    LOADED = "loaded"
    IN_TRANSIT = "in_transit"
    ARRIVED = "arrived"
    FORWARDED = "forwarded"
    GOING_BACK = "going_back"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"


S = ParcelStatus

NEXT: dict[ParcelStatus, frozenset[ParcelStatus]] = {
    S.REGISTERED: frozenset({S.PACKED, S.STAGED, S.CANCELLED}),  # staged at once: cartons, which come closed
    S.PACKED: frozenset({S.WEIGHED, S.CANCELLED}),
    S.WEIGHED: frozenset({S.PACKED, S.LABELLED, S.CANCELLED}),  # packed again: the box was opened
    S.LABELLED: frozenset({S.PACKED, S.STAGED, S.CANCELLED}),
    S.STAGED: frozenset({S.LABELLED, S.LOADED, S.ARRIVED, S.CANCELLED}),  # arrived: it rode along unscanned
    S.LOADED: frozenset({S.STAGED, S.FORWARDED, S.GOING_BACK, S.IN_TRANSIT, S.ARRIVED}),
    S.IN_TRANSIT: frozenset({S.ARRIVED, S.STAGED, S.FORWARDED, S.GOING_BACK}),  # waits: it never rode along
    S.ARRIVED: frozenset({S.FORWARDED, S.GOING_BACK, S.OUT_FOR_DELIVERY, S.DELIVERED, S.RETURNED}),
    S.FORWARDED: frozenset({S.LOADED, S.ARRIVED}),
    S.GOING_BACK: frozenset({S.LOADED, S.ARRIVED}),
    S.OUT_FOR_DELIVERY: frozenset({S.ARRIVED, S.DELIVERED, S.RETURNED}),
    S.DELIVERED: frozenset(),
    S.RETURNED: frozenset(),
    S.CANCELLED: frozenset(),
}
"""Every legal step. Nothing else moves a parcel."""

ENDED = tuple(status for status, steps in NEXT.items() if not steps)
WAITS_FOR_VAN = (S.STAGED, S.FORWARDED, S.GOING_BACK)
"""At its station for the branch, at the branch for the addressee's station, and there for the branch again."""
BEFORE_SCALE = (S.REGISTERED, S.PACKED, S.CANCELLED)
ON_THE_WAY = (S.IN_TRANSIT, S.ARRIVED, S.OUT_FOR_DELIVERY, S.DELIVERED, S.RETURNED)

WORDS = {
    S.REGISTERED: _("待打包"),
    S.PACKED: _("已打包"),
    S.WEIGHED: _("已称重"),
    S.LABELLED: _("已贴面单"),
    S.STAGED: _("待装车"),
    S.LOADED: _("已装车"),
    S.IN_TRANSIT: _("运输中"),
    S.ARRIVED: _("已到达"),
    S.FORWARDED: _("待发村站"),
    S.GOING_BACK: _("待退支局"),
    S.OUT_FOR_DELIVERY: _("派送中"),
    S.DELIVERED: _("已签收"),
    S.RETURNED: _("已退回"),
    S.CANCELLED: _("已取消"),
}


def sources(to: ParcelStatus) -> list[ParcelStatus]:
    """The states from which a step to this one is legal."""
    return [status for status, steps in NEXT.items() if to in steps]
