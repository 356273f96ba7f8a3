# ruff: noqa: N999  # the file is named as `bench` calls it
"""`import`: rows/s of an order report of 28,010 rows into the books, from the bytes to the commit, then once more.

ORDER_REPORT names a file of one's own; without it a made-up one of the same size and shape is read.
"""

import json
import time
from datetime import UTC, datetime
from typing import Any

from benchmarks import _report
from benchmarks._house import own_database

BAR_PER_S = 3_000
NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)


def measure() -> dict[str, Any]:
    """Book the file twice, and compare the totals with what the file adds up to."""
    file, which = _report.data()
    expected = _report.sums(_report.read(file))
    with own_database():
        from core.db import transaction
        from orders import ledger, verify
        from orders.channels import imports

        first_s, counted, totals = _book(file)
        again_s, unchanged, same = _book(file)
        with transaction():
            booked = ledger.balance("channel:tmall-report")
            broken = verify.run()
    exact = (totals.orders, totals.paid, totals.gross_minor, totals.refunded_minor) == (
        expected.orders, expected.paid, expected.gross_minor, expected.refunded_minor,
    ) and booked == expected.net_minor  # fmt: skip
    rows = counted["rows"]
    idle = unchanged["unchanged"] == rows and same == totals
    return {
        "name": "import",
        "value": round(rows / first_s),
        "unit": "rows/s",
        "again": round(rows / again_s),
        "bar": BAR_PER_S,
        "met": rows / first_s >= BAR_PER_S and exact and idle and not broken,
        "file": which,
        "rows": rows,
        "chunk": imports.CHUNK_ROWS,
        "gross_minor": totals.gross_minor,
        "refunded_minor": totals.refunded_minor,
        "net_minor": totals.net_minor,
        "exact": exact,
    }


def _book(file: bytes) -> tuple[float, dict[str, int], Any]:
    """Seconds, rows by outcome, and totals."""
    from core.db import transaction
    from orders import channels
    from orders.channels import imports

    started = time.perf_counter()
    with transaction():
        results, totals = imports.run(file, "report.csv", channels.reader_of("tmall-report"), now=NOW)
    return time.perf_counter() - started, imports.counts(results), totals


if __name__ == "__main__":
    print(json.dumps(measure(), ensure_ascii=False))
