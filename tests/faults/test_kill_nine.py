"""kill -9 in the middle of work: what was acknowledged is there, once, and nothing else is damaged."""

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from core import clock
from tests.house import ADDRESS, Caller, House

pytestmark = [pytest.mark.no_db, pytest.mark.faults, pytest.mark.xdist_group("house")]
BUYERS = 4
RETRY_S = 60


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house of its own: it gets hurt."""
    found = House()
    found.start()
    yield found
    found.close()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _web(house: House) -> int:
    """The process that gunicorn's web workers belong to."""
    for pid in _children(house.process.pid):
        if b"XIAOXIANG_SERVICE=web" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return pid
    raise AssertionError("no web service")


def _postgres(house: House) -> int:
    return int((house.home / "state" / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def _pack(farmer: Caller) -> str:
    """A pack with a lot that no test empties."""
    farm = farmer.get("/farms")["items"][0]
    product = farmer.post("/products", {"farm_id": farm["id"], "name": "黄桃", "kind": "fresh", "status": "listed"})
    weights = {"net_g": 2500, "tare_g": 380, "price_minor": 2990}
    pack = farmer.post("/packs", {"product_id": product["id"], "name": "5斤装(净重)", **weights})
    today = clock.local_day(clock.now())
    dates = {"ready_on": today.isoformat(), "best_before": (today + timedelta(days=9)).isoformat()}
    grams = {"low_g": 50_000_000, "likely_g": 60_000_000, "high_g": 70_000_000}
    farmer.post("/lots", {"product_id": product["id"], **grams, **dates})
    return str(pack["id"])


class Orders:
    """Buyers who order without a pause and repeat whatever was not answered, under the same key."""

    def __init__(self, buyer: Caller, pack_id: str) -> None:
        self.buyer, self.pack_id = buyer, pack_id
        self.numbers: list[str] = []
        self.repeated = 0
        self.wrong: list[str] = []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._order) for _ in range(BUYERS)]

    def __enter__(self) -> "Orders":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def more(self, count: int) -> None:
        """Wait until so many further orders are acknowledged."""
        wanted, deadline = len(self.numbers) + count, time.monotonic() + RETRY_S
        while len(self.numbers) < wanted:
            assert time.monotonic() < deadline, f"no orders any more: {self.wrong[-3:]}"
            time.sleep(0.02)

    def _order(self) -> None:
        http = requests.Session()
        http.headers["Authorization"] = self.buyer.http.headers["Authorization"]
        while not self.ending.is_set():
            number = self._until_acknowledged(http, secrets.token_hex(16))
            if number:
                self.numbers.append(number)

    def _until_acknowledged(self, http: requests.Session, key: str) -> str | None:
        body = {"lines": [{"pack_id": self.pack_id, "quantity": 1}], "address": ADDRESS}
        deadline = time.monotonic() + RETRY_S
        while time.monotonic() < deadline:
            try:
                answer = http.post(f"{self.buyer.url}/orders", json=body, headers={"Idempotency-Key": key}, timeout=10)
            except requests.RequestException:
                self.repeated += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 201:
                return str(answer.json()["number"])
            if answer.status_code not in (409, 500, 502, 503):
                self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
                return None
            self.repeated += 1
            time.sleep(0.05)
        self.wrong.append("never acknowledged")
        return None


def _all_numbers(buyer: Caller) -> list[str]:
    found: list[str] = []
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = buyer.get("/orders", **query)
        found += [order["number"] for order in page["items"]]
        if not page["next"]:
            return found
        query["after"] = page["next"]


def test_orders_survive_the_death_of_workers_of_the_web_service_and_of_the_database(house):
    buyer = house.caller("02")
    before = len(_all_numbers(buyer))
    with Orders(buyer, _pack(house.caller("01"))) as orders:
        orders.more(20)
        os.kill(_children(_web(house))[0], signal.SIGKILL)
        orders.more(20)
        os.kill(_web(house), signal.SIGKILL)
        orders.more(20)
        os.kill(_postgres(house), signal.SIGKILL)
        orders.more(20)
    assert not orders.wrong
    assert orders.repeated, "nothing was hit; the test proves nothing"
    kept = _all_numbers(buyer)
    assert set(orders.numbers) <= set(kept)
    assert len(orders.numbers) == len(set(orders.numbers)) == len(kept) - before
    verified = house.manage("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    log = house.log.read_text()
    assert "web ended unexpectedly; starting it again" in log
    assert "PostgreSQL ended unexpectedly; starting it again" in log


def test_after_kill_9_of_the_supervisor_all_else_is_gone_at_once_and_the_next_start_finds_every_order(house):
    buyer = house.caller("02")
    pack_id = _pack(house.caller("01"))
    order = buyer.post("/orders", {"lines": [{"pack_id": pack_id, "quantity": 1}], "address": ADDRESS})
    house.kill()
    assert house.gone(within_s=2), house.remains()
    house.start()
    assert buyer.get(f"/orders/{order['number']}")["status"] == "awaiting_payment"
    assert house.manage("verify").returncode == 0
