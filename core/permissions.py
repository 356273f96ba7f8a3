"""What may be done, as one alphabetical list, and which role may do it."""

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`. Named on each view; nothing is allowed that is not granted here."""

    BRANCH_MANAGE = "branch:manage"
    DISPATCH_MANAGE = "dispatch:manage"
    DISPATCH_RECEIVE = "dispatch:receive"
    FARM_MANAGE = "farm:manage"
    IMPORT_RUN = "import:run"
    LEDGER_READ = "ledger:read"
    LIVE_HOST = "live:host"
    LOT_MANAGE = "lot:manage"
    ORDER_CANCEL = "order:cancel"
    ORDER_PLACE = "order:place"
    ORDER_READ = "order:read"
    ORDER_REFUND = "order:refund"
    OVERVIEW_BRANCH = "overview:branch"
    OVERVIEW_PROVINCE = "overview:province"
    PACK_MANAGE = "pack:manage"
    PARCEL_PACK = "parcel:pack"
    PARCEL_READ = "parcel:read"
    PAYMENT_CASH = "payment:cash"
    PAYMENT_START = "payment:start"
    PHOTO_UPLOAD = "photo:upload"
    PRODUCT_MANAGE = "product:manage"
    REFUND_ANSWER = "refund:answer"
    RUN_DRIVE = "run:drive"
    RUN_LOAD = "run:load"
    SESSION_MANAGE = "session:manage"
    SETTLEMENT_MANAGE = "settlement:manage"
    STATION_MANAGE = "station:manage"
    STATION_READ = "station:read"
    SUPPLY_MANAGE = "supply:manage"
    TRACKING_DELIVER = "tracking:deliver"
    WHOLESALE_ORDER = "wholesale:order"
    WHOLESALE_READ = "wholesale:read"
    WHOLESALE_RECEIVE = "wholesale:receive"
    WHOLESALE_SUPPLY = "wholesale:supply"


class Role(StrEnum):
    """Who a person is to the house. One person may have several."""

    ADMIN = "admin"
    BRANCH_HEAD = "branch_head"
    BUYER = "buyer"
    CLERK = "clerk"
    DRIVER = "driver"
    FARMER = "farmer"
    HOST = "host"
    KEEPER = "keeper"
    PROVINCE = "province"
    SUPPLIER = "supplier"


P = Permission

BASIC = frozenset({P.ORDER_CANCEL, P.ORDER_PLACE, P.ORDER_READ, P.PAYMENT_START, P.SESSION_MANAGE, P.STATION_READ})
"""What everybody who has signed in may do: buy, see one's own orders, end one's own sessions."""

_HOST = {P.LIVE_HOST, P.PHOTO_UPLOAD}
_KEEPER = _HOST | {
    P.DISPATCH_MANAGE,
    P.DISPATCH_RECEIVE,
    P.FARM_MANAGE,
    P.LEDGER_READ,
    P.LOT_MANAGE,
    P.PACK_MANAGE,
    P.PARCEL_PACK,
    P.PARCEL_READ,
    P.PAYMENT_CASH,
    P.PRODUCT_MANAGE,
    P.REFUND_ANSWER,
    P.RUN_LOAD,
    P.TRACKING_DELIVER,
    P.WHOLESALE_ORDER,
    P.WHOLESALE_READ,
    P.WHOLESALE_RECEIVE,
}
_BRANCH = {
    P.DISPATCH_MANAGE,
    P.DISPATCH_RECEIVE,
    P.LEDGER_READ,
    P.ORDER_REFUND,
    P.OVERVIEW_BRANCH,
    P.PARCEL_READ,
    P.REFUND_ANSWER,
    P.RUN_LOAD,
    P.SETTLEMENT_MANAGE,
    P.STATION_MANAGE,
    P.TRACKING_DELIVER,
    P.WHOLESALE_READ,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: BASIC | set(Permission),
    Role.BRANCH_HEAD: BASIC | _BRANCH,
    Role.BUYER: BASIC,
    Role.CLERK: BASIC | {P.DISPATCH_RECEIVE, P.PARCEL_READ, P.TRACKING_DELIVER},
    Role.DRIVER: BASIC | {P.PARCEL_READ, P.RUN_DRIVE, P.RUN_LOAD, P.TRACKING_DELIVER},
    Role.FARMER: BASIC | {P.FARM_MANAGE, P.LEDGER_READ, P.LOT_MANAGE, P.PACK_MANAGE, P.PHOTO_UPLOAD, P.PRODUCT_MANAGE},
    Role.HOST: BASIC | _HOST,
    Role.KEEPER: BASIC | _KEEPER,
    Role.PROVINCE: BASIC
    | {P.BRANCH_MANAGE, P.IMPORT_RUN, P.LEDGER_READ, P.OVERVIEW_BRANCH, P.OVERVIEW_PROVINCE, P.PARCEL_READ}
    | {P.STATION_MANAGE, P.WHOLESALE_READ},
    Role.SUPPLIER: BASIC | {P.PHOTO_UPLOAD, P.SUPPLY_MANAGE, P.WHOLESALE_READ, P.WHOLESALE_SUPPLY},
}


def granted(roles: frozenset[Role]) -> frozenset[Permission]:
    """Everything that a person with these roles may do."""
    return frozenset().union(BASIC, *(GRANTS[role] for role in roles))
