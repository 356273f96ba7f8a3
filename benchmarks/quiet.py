"""`quiet`: ms for one order when nobody else orders, p50 over the orders."""

import json

from benchmarks._burst import sale

ORDERS = 400
BAR_MS = 15.0


def main() -> None:
    """Print the figure."""
    with sale(buyers=200, pool=1_000) as house:
        house.order(50, clients=1)
        run = house.order(ORDERS, clients=1)
    p50_ms = run.wait_ms(0.5)
    answer = {"name": "quiet", "value": round(p50_ms, 2), "unit": "ms", "bar": BAR_MS}
    answer |= {"p99_ms": round(run.wait_ms(0.99), 1), "statuses": run.statuses}
    print(json.dumps(answer | {"met": run.statuses == {201: ORDERS} and p50_ms <= BAR_MS}, ensure_ascii=False))


if __name__ == "__main__":
    main()
