"""`replay`: orders/s of a month of an order report, lived through by the running house, to delivered and settled.

Every order is placed, paid or not, packed, weighed, labelled, sent, received, delivered, and refunded in whole or in
part as the report says, over the public HTTP API, by the person whose step it is. Then `verify` must be clean and the
books must be those of the report to the fen. The goods are made up at the report's prices; so are the recipients,
inside their province and marked as such. ORDER_REPORT names the report, ORDERS how many of its orders are taken.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks import _people, _report
from benchmarks._people import Person, press
from benchmarks._report import Row
from tests.house import House

ORDERS = int(os.environ.get("ORDERS") or 2_000)
CLIENTS = 8
WAVE = 100
"""Orders that share a van; the month is lived through van by van, in the order of its moments."""
PATIENCE_S = 180
PRICE_MAX = 10_000_000
NET_G, TARE_G = 500, 60
ENDS = {"unpaid": "cancelled", "refunded": "refunded", "kept": "completed"}
SHARES = ("farm", "station", "host", "branch", "carrier", "platform")


def measure() -> dict[str, Any]:
    """The whole month in a house of its own, from the first claim to settled books."""
    file, which = _report.data()
    rows = sample(_report.read(file), ORDERS)
    house = House()
    try:
        house.start()
        month = Month(house.url, rows)
        requests_before = next(_people.asked)
        started = time.perf_counter()
        month.live()
        spent = time.perf_counter() - started
        wrong = month.compare()
        verified = house.manage("verify")
    finally:
        house.close()
    for line in [*wrong[:20], *(verified.stdout.splitlines() if verified.returncode else [])]:
        print(line, file=sys.stderr)
    totals = _report.sums(rows)
    return {
        "name": "replay",
        "value": round(len(rows) / spent, 2),
        "unit": "orders/s",
        "met": not wrong and verified.returncode == 0,
        "file": which,
        "orders": totals.orders,
        "paid": totals.paid,
        "gross_minor": totals.gross_minor,
        "refunded_minor": totals.refunded_minor,
        "net_minor": totals.net_minor,
        "seconds": round(spent, 1),
        "requests": next(_people.asked) - requests_before,
        "verify": "clean" if verified.returncode == 0 else "broken",
    }


def sample(rows: list[Row], wanted: int) -> list[Row]:
    """So many orders from the whole month, evenly, by the moment they were placed."""
    ordered = sorted(rows, key=lambda row: (row.placed, int(row.number)))
    wanted = min(wanted, len(ordered))
    return [ordered[place * len(ordered) // wanted] for place in range(wanted)]


@dataclass
class Lived:
    """One order on its way: the row of the report and what the house made of it."""

    row: Row
    number: str = ""
    boxes: list[str] = field(default_factory=list)


class Month:
    """The people, the goods, and the orders that they take to their ends."""

    def __init__(self, url: str, rows: list[Row]) -> None:
        tails = {"farmer": "01", "buyer": "02", "keeper": "03", "head": "05", "driver": "06", "province": "08"}
        self.people = {role: Person(url, f"139000000{tail}") for role, tail in tails.items()}
        self.rows = rows
        self.lived: list[Lived] = []
        self.before = self.trial_balance()
        run = self.people["driver"].get("/runs")["items"][0]
        self.station_id = run["stops"][0]["station_id"]
        self.van = {"branch_id": run["branch_id"], "driver_id": run["driver_id"], "station_ids": [self.station_id]}
        self.counties = self._counties()
        self.packs = self._packs()

    def live(self) -> None:
        """Wave after wave, then wait until the last refund has left."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            for start in range(0, len(self.rows), WAVE):
                wave = [Lived(row) for row in self.rows[start : start + WAVE]]
                self.lived += wave
                Wave(self, wave, pool).go()
                _say(f"{len(self.lived)}/{len(self.rows)}")
        until(lambda: self.trial_balance().get("refunds", 0) == self.before.get("refunds", 0), "refunds to leave")

    def compare(self) -> list[str]:
        """Where house and report differ: order by order, then account by account."""
        found = {order["number"]: order for order in self.people["buyer"].everything("/orders")}
        wrong = []
        for one in self.lived:
            order, row = found[one.number], one.row
            is_so = (order["status"], order["total_minor"], order["refunded_minor"])
            should = (ENDS[row.end], row.total_minor, row.refunded_minor if row.paid else 0)
            if is_so != should:
                wrong.append(f"order {row.number} of the report is {is_so}, not {should}")
        return wrong + self._compare_books()

    def _compare_books(self) -> list[str]:
        """What came in and stayed is with Stripe, and owed to those who earned it."""
        net = _report.sums(self.rows).net_minor
        now = self.trial_balance()
        grown = {kind: now.get(kind, 0) - self.before.get(kind, 0) for kind in now}
        shared = sum(grown.get(kind, 0) for kind in SHARES)
        facts = {"stripe": (grown.get("stripe", 0), net), "shares": (shared, -net)}
        facts |= {kind: (grown.get(kind, 0), 0) for kind in ("buyer", "refunds", "cash")}
        return [f"{name} is {is_so} fen, not {should}" for name, (is_so, should) in facts.items() if is_so != should]

    def trial_balance(self) -> dict[str, int]:
        """Fen by kind of account."""
        lines = self.people["province"].get("/ledger/trial-balance")["lines"]
        return {line["account"]: line["balance_minor"] for line in lines}

    def _counties(self) -> dict[str, str]:
        """For every province of the report the first county of its first city."""
        ask = self.people["buyer"]
        provinces = ask.get("/regions")["items"]
        found = {}
        for name in {row.province for row in self.rows}:
            province = next(one for one in provinces if one["name"].startswith(name))
            city = ask.get("/regions", parent=province["code"])["items"][0]
            found[name] = ask.get("/regions", parent=city["code"])["items"][0]["code"]
        return found

    def _packs(self) -> dict[int, str]:
        """One product with one great lot, and a pack for every price that is needed."""
        farmer = self.people["farmer"]
        farm = farmer.get("/farms")["items"][0]
        product = farmer.post(
            "/products", {"farm_id": farm["id"], "name": "回放用货", "kind": "dry", "status": "listed"}
        )
        today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
        grams = dict.fromkeys(("low_g", "likely_g", "high_g"), 3 * NET_G * len(self.rows))
        dates = {"ready_on": today.isoformat(), "best_before": (today + timedelta(days=90)).isoformat()}
        farmer.post("/lots", {"product_id": product["id"], **grams, **dates})
        pack = {"product_id": product["id"], "net_g": NET_G, "tare_g": TARE_G}
        prices = sorted({price for row in self.rows for price in prices_of(row)})
        with ThreadPoolExecutor(CLIENTS) as pool:
            made = pool.map(
                lambda fen: farmer.post("/packs", {**pack, "name": f"回放 {fen} 分", "price_minor": fen}), prices
            )
            return {price: one["id"] for price, one in zip(prices, made, strict=True)}


class Wave:
    """Some orders that share a van, and the steps of everybody."""

    def __init__(self, month: Month, orders: list[Lived], pool: ThreadPoolExecutor) -> None:
        self.month, self.orders, self.pool, self.people = month, orders, pool, month.people
        self.paid = [one for one in orders if one.row.paid]
        self.kept = [one for one in orders if one.row.end == "kept"]

    def go(self) -> None:
        """From the claim to the door, and what goes back."""
        self._all(self._buy, self.orders)
        self._all(self._refund_whole, [one for one in self.paid if one.row.end == "refunded"])
        self._find_boxes()
        boxes = [box for one in self.kept for box in one.boxes]
        if boxes:
            self._all(self._pack, boxes)
            self._send(boxes)
            self._all(self._deliver, boxes)
        self._all(self._refund_part, [one for one in self.kept if one.row.refunded_minor])

    def _all(self, step: Callable[[Any], None], things: Iterable[Any]) -> None:
        for _done in self.pool.map(step, list(things)):
            continue

    def _buy(self, one: Lived) -> None:
        """Order and pay, and wait till the money is there: a buyer may hold only a few unpaid orders."""
        self._place(one)
        if one.row.paid:
            self._pay(one)
            for _try in polling(f"the payment of {one.number}"):
                if self.people["buyer"].get(f"/orders/{one.number}")["status"] == "paid":
                    return

    def _place(self, one: Lived) -> None:
        """As the report says, at its price; unpaid orders are called off."""
        row = one.row
        to = {
            "name": f"回放虚构{int(row.number) % 100_000:05d}",
            "phone": f"138{int(row.number) % 10**8:08d}",
            "region_code": self.month.counties[row.province],
            "detail": f"虚构地址 {row.number} 号",
        }
        lines = [{"pack_id": self.month.packs[price], "quantity": 1} for price in prices_of(row)]
        one.number = self.people["buyer"].post("/orders", {"lines": lines, "address": to})["number"]
        if not row.paid:
            self.people["buyer"].post(f"/orders/{one.number}/cancel", {"reason": "回放：报表中未付款"})

    def _pay(self, one: Lived) -> None:
        """Open the page of the wallet and press the button."""
        buyer, path = self.people["buyer"], f"/orders/{one.number}/payments"
        payment = buyer.post(path, {"method": "alipay"})
        for _try in polling(f"the page of {one.number}"):
            if payment["pay_url"]:
                return press(payment["pay_url"])
            payment = buyer.get(f"{path}/{payment['id']}")
        return None

    def _refund_whole(self, one: Lived) -> None:
        self.people["head"].post(f"/orders/{one.number}/refunds", {"reason": "request", "note": "回放"})

    def _refund_part(self, one: Lived) -> None:
        """After delivery, from the first line on."""
        head, left, lines = self.people["head"], one.row.refunded_minor, []
        for line in head.get(f"/orders/{one.number}")["lines"]:
            part = min(left, line["total_minor"])
            if part:
                lines.append({"line_id": line["id"], "amount_minor": part})
            left -= part
        head.post(f"/orders/{one.number}/refunds", {"reason": "quality", "note": "回放", "lines": lines})

    def _find_boxes(self) -> None:
        """The boxes that wait at the station, by the order that they name."""
        by_number = {one.number: one for one in self.kept}
        waiting = self.people["keeper"].everything("/parcels", station_id=self.month.station_id, status="registered")
        for box in waiting:
            one = by_number.get((box["reference"] or "").split()[-1])
            if one is not None:
                one.boxes.append(box["number"])
        missing = [one.number for one in self.kept if len(one.boxes) != len(prices_of(one.row))]
        if missing:
            raise SystemExit(f"no boxes for {missing[:5]}")

    def _pack(self, box: str) -> None:
        """The packing table, the scale, the three marks, the label, the row for the van."""
        keeper = self.people["keeper"]
        keeper.post(f"/parcels/{box}/pack")
        keeper.post(f"/parcels/{box}/weigh", {"gross_g": NET_G + TARE_G + 10})
        keeper.post(f"/parcels/{box}/mark", {"real_name": True, "inspected": True, "screened": True})
        keeper.post(f"/parcels/{box}/label")
        keeper.post(f"/parcels/{box}/stage")

    def _send(self, boxes: list[str]) -> None:
        """Announced, loaded, driven, counted in."""
        keeper, head, driver = (self.people[role] for role in ("keeper", "head", "driver"))
        bag = keeper.post("/dispatches", {"station_id": self.month.station_id, "direction": "inward"})["number"]
        keeper.post(f"/dispatches/{bag}/items", {"numbers": boxes})
        keeper.post(f"/dispatches/{bag}/close")
        day = datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()
        run = head.post("/runs", {**self.month.van, "day": day})["number"]
        driver.post(f"/runs/{run}/load", {"numbers": boxes})
        driver.post(f"/runs/{run}/depart")
        driver.post(f"/runs/{run}/arrive")
        counted = head.post(f"/dispatches/{bag}/receive", {"numbers": boxes})
        if counted["matched"] != len(boxes):
            raise SystemExit(f"dispatch {bag}: {counted}")

    def _deliver(self, box: str) -> None:
        self.people["head"].post(f"/parcels/{box}/out-for-delivery")
        self.people["head"].post(f"/parcels/{box}/deliver", {"proof": "signed"})


def prices_of(row: Row) -> list[int]:
    """The prices of an order's packs: one of its total, or two halves of a total that no single pack may have."""
    total = row.total_minor
    return [total] if total <= PRICE_MAX else [total - total // 2, total // 2]


def polling(what: str) -> Iterator[int]:
    """Again and again, with growing pauses, for a bounded time."""
    deadline, number = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < deadline:
        yield number
        number += 1
        time.sleep(min(0.5, 0.02 * number))
    raise SystemExit(f"waited {PATIENCE_S} s for {what}")


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    for _try in polling(what):
        if holds():
            return


def _say(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{words}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(json.dumps(measure(), ensure_ascii=False))
