"""kill -9 in the middle of work: what was acknowledged is there, once, and nothing else is damaged."""

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.house import ADDRESS, ROOT, Caller, House, press_pay

pytestmark = [pytest.mark.no_db, pytest.mark.faults, pytest.mark.xdist_group("house")]
BUYERS = 4
RETRY_S = 60


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _web(house: House) -> int:
    """The process that gunicorn's web workers belong to."""
    assert house.process is not None
    for pid in _children(house.process.pid):
        if b"XIAOXIANG_SERVICE=web" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return pid
    raise AssertionError("no web service")


def _postgres(house: House) -> int:
    return int((house.home / "state" / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def _backend(house: House) -> int:
    """A process of PostgreSQL that serves the application."""
    for pid in _children(_postgres(house)):
        if b"xiaoxiang_app" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise AssertionError("nobody is connected")


class Orders:
    """Hands that order without a pause and repeat whatever was not answered, under the same key.

    They are one buyer's, who may hold a few unpaid orders only: each order that was acknowledged is called off again.
    """

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
                self._call_off(http, number)

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

    def _call_off(self, http: requests.Session, number: str) -> None:
        """Until it is answered; 409 says that an answer was lost, and that it has been called off before."""
        deadline = time.monotonic() + RETRY_S
        while time.monotonic() < deadline:
            try:
                answer = http.post(f"{self.buyer.url}/orders/{number}/cancel", json={}, timeout=10)
                if answer.status_code in (200, 409):
                    return
            except requests.RequestException:
                pass
            self.repeated += 1
            time.sleep(0.05)
        self.wrong.append(f"{number} was never called off")


def _all_numbers(buyer: Caller) -> list[str]:
    found: list[str] = []
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = buyer.get("/orders", **query)
        found += [order["number"] for order in page["items"]]
        if not page["next"]:
            return found
        query["after"] = page["next"]


def _paid(house: House, buyer: Caller, pack_id: str) -> str:
    """An order that is paid; its number."""
    number = str(buyer.order(pack_id)["number"])
    press_pay(buyer.opens_payment(number)["pay_url"])
    buyer.until(f"/orders/{number}", "status", "paid")
    return number


def _sound(house: House) -> None:
    verified = house.manage("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_orders_survive_the_death_of_workers_of_the_web_service_and_of_the_database(house, pack_id):
    buyer = house.caller("02")
    before = len(_all_numbers(buyer))
    with Orders(buyer, pack_id) as orders:
        for victim in (lambda: _children(_web(house))[0], lambda: _web(house), lambda: _postgres(house)):
            orders.more(20)
            os.kill(victim(), signal.SIGKILL)
        orders.more(20)
    assert not orders.wrong
    assert orders.repeated, "nothing was hit; the test proves nothing"
    kept = _all_numbers(buyer)
    assert set(orders.numbers) <= set(kept)
    assert len(orders.numbers) == len(set(orders.numbers)) == len(kept) - before
    _sound(house)
    log = house.log.read_text()
    assert "web ended unexpectedly; starting it again" in log
    assert "PostgreSQL ended unexpectedly; starting it again" in log


def test_orders_survive_twenty_deaths_of_web_workers(house, pack_id):
    buyer = house.caller("02")
    before = len(_all_numbers(buyer))
    with Orders(buyer, pack_id) as orders:
        for turn in range(20):
            orders.more(3)
            workers = _children(_web(house))
            os.kill(workers[turn % len(workers)], signal.SIGKILL)
        orders.more(3)
    assert not orders.wrong
    assert orders.repeated, "nothing was hit; the test proves nothing"
    kept = _all_numbers(buyer)
    assert set(orders.numbers) <= set(kept)
    assert len(orders.numbers) == len(set(orders.numbers)) == len(kept) - before
    _sound(house)


def test_after_kill_9_of_one_backend_the_database_mends_itself_and_everybody_works_on(house, pack_id):
    buyer = house.caller("02")
    before, server = len(_all_numbers(buyer)), _postgres(house)
    log, ready = house.home / "state" / "postgres" / "postgres.log", "ready to accept connections"
    starts = log.read_text().count(ready)
    with Orders(buyer, pack_id) as orders:
        orders.more(20)
        os.kill(_backend(house), signal.SIGKILL)
        house.until(lambda: log.read_text().count(ready) > starts, "the database has recovered")
        orders.more(20)
    assert not orders.wrong
    assert set(orders.numbers) <= set(_all_numbers(buyer))
    assert len(orders.numbers) == len(set(orders.numbers)) == len(_all_numbers(buyer)) - before
    assert _postgres(house) == server
    assert "was terminated by signal 9" in log.read_text()
    assert "database system was not properly shut down; automatic recovery in progress" in log.read_text()
    _paid(house, buyer, pack_id)
    _sound(house)


def test_after_kill_9_of_the_supervisor_all_else_is_gone_at_once_and_the_next_start_finds_everything(house, pack_id):
    buyer = house.caller("02")
    paid = _paid(house, buyer, pack_id)
    waiting = buyer.order(pack_id)["number"]
    payment = buyer.opens_payment(waiting)
    with Orders(buyer, pack_id) as orders:
        orders.more(10)
        house.kill()
        orders.ending.set()
        assert house.gone(within_s=2), house.remains()
        house.open()
    assert set(orders.numbers) <= set(_all_numbers(buyer))
    assert buyer.get(f"/orders/{paid}")["status"] == "paid"
    assert buyer.get(f"/orders/{waiting}")["status"] == "awaiting_payment"
    press_pay(payment["pay_url"])
    buyer.until(f"/orders/{waiting}", "status", "paid")
    _sound(house)


def test_a_worker_killed_in_the_middle_of_its_jobs_has_them_ended_by_another_and_nothing_is_done_twice(house, pack_id):
    """It dies while Stripe makes the place to pay for one order, and while it asks how another's payment stands."""
    buyer = house.caller("02")
    opened, asked = (str(buyer.order(pack_id)["number"]) for _ in range(2))
    pay_url = buyer.opens_payment(asked)["pay_url"]
    house.stripe("POST", "/_control/faults", kind="webhook_delay", times=4, seconds=1)
    press_pay(pay_url)
    house.stripe("POST", "/_control/faults", kind="timeout", seconds=5)
    payment = buyer.post(f"/orders/{opened}/payments", {"method": "alipay"})
    house.until(lambda: _intents(house, opened), "Stripe has made the place to pay")
    house.stripe("POST", "/_control/faults", kind="delay", times=9, seconds=5)
    house.until(lambda: {"open_payment", "work_event"} <= _begun(house).keys(), "both jobs are begun")
    begun = _begun(house)
    os.kill(_worker(house), signal.SIGKILL)
    house.stripe("DELETE", "/_control/faults")
    assert _begun(house) == begun, "the worker had ended its jobs; the test proves nothing"
    buyer.until(f"/orders/{asked}", "status", "paid")
    pending = buyer.until(f"/orders/{opened}/payments/{payment['id']}", "status", "pending")
    press_pay(pending["pay_url"])
    buyer.until(f"/orders/{opened}", "status", "paid")
    assert [_intents(house, number) for number in (opened, asked)] == [1, 1]
    assert [len(_succeeded(buyer, number)) for number in (opened, asked)] == [1, 1]
    _sound(house)


def _worker(house: House) -> int:
    assert house.process is not None
    for pid in _children(house.process.pid):
        if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    raise AssertionError("no worker")


def _begun(house: House) -> dict[str, int]:
    """The jobs of payments that a worker is at."""
    doing = house.rows("SELECT task_name, id FROM procrastinate_jobs WHERE status = 'doing' AND task_name ~ '^orders.'")
    return {name.rpartition(".")[2]: id_ for name, id_ in doing if name.endswith(("open_payment", "work_event"))}


def _intents(house: House, number: str) -> int:
    """How many places to pay Stripe has made for an order."""
    made = "SELECT count(*) FROM objects WHERE kind = 'payment_intent' AND body ->> '$.metadata.order' = ?"
    with closing(sqlite3.connect(f"file:{house.home}/state/standin.sqlite?mode=ro", uri=True)) as books:
        return int(books.execute(made, [number]).fetchone()[0])


def _succeeded(buyer: Caller, number: str) -> list[Any]:
    return [one for one in buyer.get(f"/orders/{number}/payments")["items"] if one["status"] == "succeeded"]


def test_a_house_of_a_test_goes_with_the_killed_test_runner(shut):
    code = f"""
import sys, time
from pathlib import Path
from tests.house import House
house = House()
house.home = Path({str(shut.home)!r})
house.begin()
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"TMPDIR": str(shut.home)}
    ) as runner:
        deadline = time.monotonic() + 20
        while not any("postgres" in words for words in shut.remains().values()):
            assert time.monotonic() < deadline, "the house does not start"
            time.sleep(0.05)
        runner.kill()
    assert shut.gone(within_s=2), shut.remains()
