"""What must always be true of parcels, dispatches and runs, as queries that return the rows that break it."""

from collections.abc import Iterator

from logistics.moves import ON_THE_WAY, ParcelStatus
from logistics.scans import Code

S = ParcelStatus


def _listed(statuses: tuple[ParcelStatus, ...]) -> str:
    return ", ".join(f"'{status}'" for status in statuses)


_UNDER_WAY = _listed(ON_THE_WAY)
_LABELLED = _listed((S.LABELLED, S.STAGED, S.LOADED, S.IN_TRANSIT, S.ARRIVED, S.OUT_FOR_DELIVERY))

PROOF = {
    S.REGISTERED: (Code.REGISTERED,),
    S.PACKED: (Code.PACKED,),
    S.WEIGHED: (Code.WEIGHED,),
    S.LABELLED: (Code.LABELLED,),
    S.STAGED: (Code.ACCEPTED, Code.LEFT_BEHIND),
    S.LOADED: (Code.LOADED,),
    S.IN_TRANSIT: (Code.DEPARTED,),
    S.ARRIVED: (Code.AT_BRANCH, Code.AT_STATION, Code.ATTEMPTED),
    S.OUT_FOR_DELIVERY: (Code.OUT_FOR_DELIVERY,),
    S.DELIVERED: (Code.DELIVERED,),
    S.RETURNED: (Code.RETURNED,),
    S.CANCELLED: (Code.CANCELLED,),
}
"""The scans that prove a state."""

_PROOFS = ", ".join(f"('{status}', '{code}')" for status, codes in PROOF.items() for code in codes)

SCANNED = f"""
    SELECT box.id, box.number, box.status FROM parcels box
    WHERE NOT EXISTS (SELECT FROM tracking_events scan JOIN (VALUES {_PROOFS}) AS proof (status, code)
                      ON proof.status = box.status AND proof.code = scan.code WHERE scan.parcel_id = box.id)
"""

ONE_LABEL = f"""
    SELECT box.id, box.number FROM parcels box
    WHERE box.kind = 'order' AND box.status IN ({_LABELLED})
      AND (SELECT count(*) FROM labels WHERE parcel_id = box.id AND voided_at IS NULL) <> 1
"""

ONE_DISPATCH = """
    SELECT parcel_id AS id, count(*) FROM dispatch_items WHERE state = 'declared' GROUP BY parcel_id HAVING count(*) > 1
"""

ALL_ABOARD = f"""
    SELECT box.id, box.number, bag.number FROM dispatch_items item
    JOIN dispatches bag ON bag.id = item.dispatch_id AND bag.status IN ('departed', 'received')
    JOIN parcels box ON box.id = item.parcel_id
    WHERE item.state IN ('declared', 'received') AND box.status NOT IN ({_UNDER_WAY})
      AND NOT EXISTS (SELECT FROM dispatch_items later WHERE later.parcel_id = box.id AND later.id > item.id)
"""

COUNTED = """
    SELECT item.parcel_id AS id, bag.number FROM dispatch_items item
    JOIN dispatches bag ON bag.id = item.dispatch_id AND bag.status = 'received'
    WHERE item.state IN ('declared', 'settled') AND NOT EXISTS (
        SELECT FROM discrepancies WHERE dispatch_id = bag.id AND parcel_id = item.parcel_id AND kind = 'short')
"""

MARKS = f"""
    SELECT id, number FROM parcels
    WHERE status IN ({_UNDER_WAY})
      AND (real_name_checked_at IS NULL OR inspected_at IS NULL OR screened_at IS NULL)
"""

WEIGHTS = f"""
    SELECT id, number FROM parcels
    WHERE kind = 'order' AND status IN ({_LABELLED}) AND weight_note IS NULL
      AND (net_g IS NULL OR net_g < promised_net_g OR net_g <> gross_g - tare_g)
"""


def checks() -> Iterator[tuple[str, str]]:
    """Name of an invariant → SQL whose rows break it."""
    yield "a parcel's state has its scan", SCANNED
    yield "a parcel on its way has one valid label", ONE_LABEL
    yield "a parcel is in one open dispatch at most", ONE_DISPATCH
    yield "staged = loaded + left behind: what a departed dispatch still declares is on its way", ALL_ABOARD
    yield "declared = matched + short: what was not counted in is a recorded difference", COUNTED
    yield "no parcel is on its way without its three marks", MARKS
    yield "no weight below the promise passes unseen", WEIGHTS


def repairs() -> dict[str, str]:
    """Nothing here can be derived: a box is where it is, and a person has to look."""
    return {}
