"""`reconcile`: seconds to receive a dispatch of 10,000 items at the branch, with boxes short and over, durable."""

import json
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from benchmarks._house import own_database

ITEMS = 10_000
SHORT, OVER = 7, 5
BAR_S = 2.0
NOW = datetime(2026, 8, 13, 2, tzinfo=UTC)


def departed() -> tuple[Any, list[str]]:
    """A dispatch of so many boxes on the road, and their numbers."""
    from core.db import session
    from logistics import dispatch, parcels
    from logistics.addresses import Address
    from tests import make

    station = make.station()
    to = Address("王小明", "+8613800001234", "430104001", "麓山南路2号")
    wanted = [parcels.NewParcel(station.id, str(i), to, "冰糖橙", 2_500, 300, None) for i in range(ITEMS)]
    boxes = parcels.register_many(wanted, now=NOW)
    numbers = [box.number for box in boxes]
    session.execute(text("UPDATE parcels SET status = 'staged', gross_g = 2850, net_g = 2550"))
    session.expire_all()
    bag = dispatch.open_for(station, now=NOW)
    dispatch.add(bag, list(session.scalars(parcels.select(parcels.Parcel))), by=None, now=NOW)
    dispatch.close(bag, by=None, now=NOW)
    marks = ", ".join(f"{mark}_at = now()" for mark in ("real_name_checked", "inspected", "screened"))
    session.execute(text(f"UPDATE parcels SET status = 'in_transit', {marks}"))
    session.execute(text("UPDATE dispatches SET status = 'departed'"))
    return bag, numbers


def measure() -> dict[str, Any]:
    """One count, from the scanned numbers to the commit."""
    with own_database():
        from core.db import transaction
        from logistics import reconciliation

        with transaction() as session:
            bag, numbers = departed()
            found = bag.id
        with transaction() as session:
            session.execute(text("ANALYZE"))
        scanned = numbers[SHORT:] + [f"X{i}" for i in range(OVER)]
        started = time.perf_counter()
        with transaction() as session:
            result = reconciliation.receive(session.get_one(type(bag), found), scanned, by=None, now=NOW)
        spent = time.perf_counter() - started
    right = (len(result.matched), len(result.short), len(result.over)) == (ITEMS - SHORT, SHORT, OVER)
    return {
        "name": "reconcile",
        "value": round(spent, 3),
        "unit": "s",
        "bar": BAR_S,
        "met": right and spent <= BAR_S,
        "items": ITEMS,
        "exact": right,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), ensure_ascii=False))
