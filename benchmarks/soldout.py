"""`soldout`: refusals/s once the pool is empty, 64 clients; yardstick: an empty authenticated POST."""

import json

from benchmarks._burst import sale

CLIENTS = 64
ASKED = 6_000
POOL = 300
BAR = 0.8


def main() -> None:
    """Print the figure; the pool is bought up first, and nothing of it is sold twice."""
    with sale(buyers=400, pool=POOL) as house:
        house.order(POOL, clients=CLIENTS)
        yardstick = house.empty(ASKED, clients=CLIENTS)
        run = house.order(ASKED, clients=CLIENTS)
        figures = house.figures()
    ratio = run.rate / yardstick.rate
    answer = {"name": "soldout", "value": round(run.rate, 1), "unit": "refusals/s"}
    answer |= {"yardstick": round(yardstick.rate, 1), "ratio": round(ratio, 3), "bar": BAR}
    answer |= {"p99_ms": round(run.wait_ms(0.99), 1), "statuses": run.statuses, "oversold": figures[2] - POOL}
    sound = figures == (POOL,) * 3 and run.statuses == {409: ASKED}
    print(json.dumps(answer | {"met": sound and ratio >= BAR}, ensure_ascii=False))


if __name__ == "__main__":
    main()
