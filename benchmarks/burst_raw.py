"""`burst_raw`: orders/s as in `burst`; yardstick: a C client doing one order in one transaction on one row, 64 clients.

The yardstick is pgbench of this machine with prepared statements on the same server and tables: it writes the rows that
an order of the house is made of, each a copy of one that the house had placed, and takes the offer and the lot last.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import text

from benchmarks._burst import sale

CLIENTS = 64
ORDERS = 6_000
SECONDS = 6
BAR = 4.0
TABLES = ("orders", "order_lines", "line_splits", "order_moves", "offer_movements", "stock_movements")
FRESH = "gen_random_uuid()"


def main() -> None:
    """Print the figure."""
    with sale(buyers=1_200, pool=100_000) as house:
        house.order(600, clients=CLIENTS)
        run = house.order(ORDERS, clients=CLIENTS)
        held, _lot, orders = house.figures()
        raw = _raw(house.url)
    answer = {"name": "burst_raw", "value": round(run.rate, 1), "unit": "orders/s"}
    if raw is None:
        answer |= {
            "yardstick": None,
            "why": "pgbench is not on this machine (Debian: postgresql-contrib)",
            "met": False,
        }
    else:
        ratio = run.rate / raw
        met = ratio >= BAR and held == orders == ORDERS + 600
        answer |= {"yardstick": round(raw, 1), "ratio": round(ratio, 2), "bar": BAR, "met": met}
    print(json.dumps(answer, ensure_ascii=False))


def _raw(url: str) -> float | None:
    """Transactions a second of pgbench; None where there is none."""
    found = shutil.which("pgbench") or next(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), None)
    if found is None:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as script:
        script.write(_script())
        script.flush()
        command = [found, "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), "-f", script.name]
        plain = url.replace("postgresql+psycopg://", "postgresql://")
        done = subprocess.run([*command, plain], capture_output=True, text=True, check=True, cwd="/")
    return float(done.stdout.partition("tps = ")[2].split()[0])


def _script() -> str:
    """One order in one transaction, in the words of pgbench: the paperwork first, the two hot rows at the end."""
    from core import db

    with db.transaction() as session:
        order, line, offer, lot = session.execute(
            text("SELECT order_id, id, offer_id, lot_id FROM order_lines ORDER BY id LIMIT 1")
        ).one()
        columns = {
            table: session.scalars(
                text("SELECT column_name FROM information_schema.columns WHERE table_name = :table"), {"table": table}
            ).all()
            for table in TABLES
        }

    def copy(table: str, where: str, **fresh: str) -> str:
        taken = ", ".join(fresh.get(column, column) for column in columns[table])
        return f"INSERT INTO {table} ({', '.join(columns[table])}) SELECT {taken} FROM {table} WHERE {where}"

    key = "decode(replace(gen_random_uuid()::text, '-', ''), 'hex')"
    number = "replace(gen_random_uuid()::text, '-', '')"
    of_order, of_line = f"order_id = '{order}'", f"line_id = '{line}'"
    of_offer = f"id = (SELECT id FROM offer_movements WHERE offer_id = '{offer}' AND cause = 'hold' LIMIT 1)"
    of_lot = f"id = (SELECT id FROM stock_movements WHERE lot_id = '{lot}' AND cause = 'hold' LIMIT 1)"
    steps = [
        "BEGIN",
        "INSERT INTO buyer_takes SELECT id, gen_random_uuid(), 1 FROM users LIMIT 1",
        copy("orders", f"id = '{order}'", id=FRESH, number=number, placing_key=key) + " RETURNING id AS made \\gset",
        copy("order_lines", of_order, id=FRESH, order_id=":made::uuid") + " RETURNING id AS line \\gset",
        copy("line_splits", of_line, line_id=":line::uuid"),
        copy("order_moves", of_order, id=FRESH, order_id=":made::uuid"),
        f"UPDATE live_offers SET held = held + 1 WHERE id = '{offer}'",
        copy("offer_movements", of_offer, id=FRESH),
        f"UPDATE harvest_lots SET held_g = held_g + 2500 WHERE id = '{lot}'",
        copy("stock_movements", of_lot, id=FRESH),
        "COMMIT",
    ]
    return "".join(step + ("\n" if step.endswith("gset") else ";\n") for step in steps)


if __name__ == "__main__":
    main()
