"""`hot_lot`: durable orders/s over HTTP, one pack of one lot, 32 clients; yardstick: an empty authenticated POST."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from sqlalchemy import text

from benchmarks._burst import ADDRESS, PORT, served
from benchmarks._client import Run, drive, request
from benchmarks._house import own_database

CLIENTS = 32
ORDERS = 3_000
BUYERS = 400
BAR_PER_S = 200


def measure() -> dict[str, Any]:
    """All orders in one go, on a database of its own with fsync on; the figures are read from the database again."""
    from core import db

    with own_database() as url:
        tokens, pack_id = _prepare()
        with served(url):
            _orders(tokens, pack_id, 300)
            yardstick = drive(PORT, _empty(tokens, ORDERS), clients=CLIENTS)
            run = _orders(tokens, pack_id, ORDERS)
        with db.transaction() as session:
            held, written = session.execute(
                text("SELECT (SELECT held_g / 2500 FROM harvest_lots), (SELECT count(*) FROM orders)")
            ).one()
    accepted = run.statuses.get(201, 0)
    return {
        "name": "hot_lot",
        "value": round(run.rate, 1),
        "unit": "orders/s",
        "yardstick": round(yardstick.rate, 1),
        "ratio": round(run.rate / yardstick.rate, 3),
        "p50_ms": round(run.wait_ms(0.5), 1),
        "p99_ms": round(run.wait_ms(0.99), 1),
        "statuses": run.statuses,
        "bar": BAR_PER_S,
        "met": run.rate >= BAR_PER_S and accepted == ORDERS and held == written == ORDERS + 300,
    }


def _prepare() -> tuple[list[str], str]:
    """Buyers, signed in, as one may hold only a few unpaid orders; and a pack with a lot that is large enough."""
    from core import auth, clock, db
    from tests import make

    now = clock.now()
    with db.transaction():
        pack = make.pack_with_lot(low_g=500_000_000, now=now)
        tokens = [auth.open_login(make.user(), agent="bench", now=now) for _buyer in range(BUYERS)]
        return tokens, str(pack.id)


def _orders(tokens: list[str], pack_id: str, how_many: int) -> Run:
    body = json.dumps({"lines": [{"pack_id": pack_id, "quantity": 1}], "address": ADDRESS}).encode()
    asked = (
        request("/api/v1/orders", tokens[number % BUYERS], body, f"bench-{how_many}-{number:08d}")
        for number in range(how_many)
    )
    return drive(PORT, asked, clients=CLIENTS)


def _empty(tokens: list[str], how_many: int) -> Iterator[bytes]:
    turn = count()
    return (request("/empty", tokens[next(turn) % BUYERS]) for _each in range(how_many))


def main() -> None:
    """Print the figure."""
    print(json.dumps(measure(), ensure_ascii=False))


if __name__ == "__main__":
    main()
