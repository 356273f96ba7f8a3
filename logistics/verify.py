"""What must always be true of parcels, as queries that return the rows that break it."""

from collections.abc import Iterator, Mapping

LABELS = """
    SELECT parcel.id, parcel.number FROM parcels parcel
    LEFT JOIN labels label ON label.parcel_id = parcel.id AND label.voided_at IS NULL
    WHERE parcel.status IN ('labelled', 'staged', 'loaded', 'in_transit', 'arrived', 'forwarded', 'going_back',
        'out_for_delivery', 'delivered')
    GROUP BY parcel.id HAVING count(label.id) <> 1
"""

ANNOUNCED_ONCE = """
    SELECT parcel.id, parcel.number FROM parcels parcel JOIN dispatch_items item ON item.parcel_id = parcel.id
    WHERE item.state = 'declared' GROUP BY parcel.id HAVING count(*) > 1
"""

SHORT = """
    SELECT bag.number, parcel.number FROM dispatches bag
    JOIN dispatch_items item ON item.dispatch_id = bag.id AND item.state IN ('declared', 'settled')
    JOIN parcels parcel ON parcel.id = item.parcel_id
    LEFT JOIN discrepancies row ON row.dispatch_id = bag.id AND row.parcel_id = parcel.id AND row.kind = 'short'
    WHERE bag.status = 'received' AND (row.id IS NULL OR (item.state = 'settled') <> (row.closed_at IS NOT NULL))
"""

LEFT_BEHIND = """
    SELECT bag.number, parcel.number FROM dispatches bag
    JOIN dispatch_items item ON item.dispatch_id = bag.id AND item.state = 'declared'
    JOIN parcels parcel ON parcel.id = item.parcel_id
    WHERE bag.status = 'departed'
      AND parcel.status IN ('packed', 'weighed', 'labelled', 'staged', 'forwarded', 'going_back', 'loaded')
"""

MARKS = """
    SELECT id, number FROM parcels
    WHERE status IN ('in_transit', 'arrived', 'out_for_delivery', 'delivered', 'returned')
      AND num_nulls(real_name_checked_at, inspected_at, screened_at) > 0
"""

NET_WEIGHT = """
    SELECT id, number FROM parcels
    WHERE kind = 'order' AND status NOT IN ('registered', 'packed', 'cancelled') AND net_g < promised_net_g
      AND weight_note IS NULL
"""

WEIGHINGS = """
    SELECT parcel.id, parcel.number FROM parcels parcel
    WHERE parcel.net_g IS NOT NULL AND NOT EXISTS (
        SELECT FROM weighings reading
        WHERE reading.parcel_id = parcel.id AND reading.gross_g = parcel.gross_g AND reading.tare_g = parcel.tare_g)
"""

SCANS = """
    SELECT parcel.id, parcel.number FROM parcels parcel
    WHERE NOT EXISTS (
        SELECT FROM tracking_events scan WHERE scan.parcel_id = parcel.id AND scan.code = ANY (
            CASE parcel.status
                WHEN 'registered' THEN ARRAY['REG'] WHEN 'packed' THEN ARRAY['PCK'] WHEN 'weighed' THEN ARRAY['WGT']
                WHEN 'labelled' THEN ARRAY['LBL'] WHEN 'staged' THEN ARRAY['EMA', 'LFT'] WHEN 'loaded' THEN ARRAY['LOD']
                WHEN 'forwarded' THEN ARRAY['FWD'] WHEN 'going_back' THEN ARRAY['EMH']
                WHEN 'in_transit' THEN ARRAY['EMC', 'EMF'] WHEN 'arrived' THEN ARRAY['EMD', 'EDH', 'EMH']
                WHEN 'out_for_delivery' THEN ARRAY['EDG'] WHEN 'delivered' THEN ARRAY['EMI']
                WHEN 'returned' THEN ARRAY['RTN'] ELSE ARRAY['CAN'] END))
"""

PROOFS = """
    SELECT parcel.id, parcel.number FROM parcels parcel
    LEFT JOIN delivery_proofs proof ON proof.parcel_id = parcel.id
    WHERE (parcel.status = 'delivered') <> (proof.id IS NOT NULL)
"""

AT_STATION = """
    SELECT parcel.id, parcel.number FROM parcels parcel
    WHERE parcel.kind = 'order' AND parcel.destination_station_id IS NOT NULL AND (parcel.status = 'going_back'
        OR parcel.status = 'arrived') AND NOT EXISTS (
        SELECT FROM tracking_events scan WHERE scan.parcel_id = parcel.id AND scan.code = 'EDH'
          AND scan.station_id = parcel.destination_station_id)
"""


def checks() -> Iterator[tuple[str, str]]:
    """Name of an invariant → SQL whose rows break it."""
    yield "a parcel under way has exactly one valid label", LABELS
    yield "a parcel is announced by one dispatch at a time", ANNOUNCED_ONCE
    yield "announced is matched and short, and every shortage has its row", SHORT
    yield "staged is loaded and left behind", LEFT_BEHIND
    yield "nothing left without its three marks", MARKS
    yield "no weight below the promise passed unseen", NET_WEIGHT
    yield "a parcel's weight is one that a scale showed", WEIGHINGS
    yield "every state of a parcel left its scan", SCANS
    yield "what is delivered has its proof", PROOFS
    yield "what waits at a station was counted in there", AT_STATION


def repairs() -> Mapping[str, str]:
    """Nothing of this can be derived: each row is a scan that a hand must explain."""
    return {}
