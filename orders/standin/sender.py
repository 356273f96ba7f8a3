"""Sending events: signed with the real scheme, again and again with growing pauses until the receiver says 2xx."""

import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from sqlite3 import Row

import requests

from orders.standin.store import Store

log = logging.getLogger("standin.sender")

Post = Callable[[bytes, Mapping[str, str]], int]
"""Hands a body with headers to the receiver and returns its status."""

FIRST_PAUSE_S = 1.0
PAUSE_MAX_S = 300.0
TRIES_MAX = 30
TIMEOUT_S = 10.0
BATCH = 32
IDLE_S = 0.2


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """The value of Stripe-Signature: HMAC-SHA-256 over time, dot and body."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={mac}"


def pause_s(tries: int) -> float:
    """How long to wait after so many failed tries."""
    return min(PAUSE_MAX_S, FIRST_PAUSE_S * 2.0 ** (tries - 1))


def over_http(url: str) -> Post:
    """Posts over HTTP, one kept connection a thread."""
    local = threading.local()

    def post(body: bytes, headers: Mapping[str, str]) -> int:
        session = local.__dict__.setdefault("session", requests.Session())
        return int(session.post(url, data=body, headers=dict(headers), timeout=TIMEOUT_S).status_code)

    return post


class Sender:
    """Works the queue of deliveries."""

    def __init__(self, store: Store, secret: str, post: Post) -> None:
        self.store = store
        self.secret = secret
        self.post = post
        self._stopped = threading.Event()

    def start(self) -> None:
        """Send from now on, in the background, until the process ends."""
        threading.Thread(target=self._run, name="standin-sender", daemon=True).start()

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()

    def _run(self) -> None:
        with ThreadPoolExecutor(4, thread_name_prefix="standin-send") as pool:
            while not self._stopped.is_set():
                due = self.due(time.time())
                list(pool.map(self.send, due))
                if not due:
                    self._stopped.wait(IDLE_S)

    def due(self, now: float) -> list[Row]:
        """Deliveries whose time has come."""
        with self.store.transaction():
            return self.store.sql.execute(
                "SELECT * FROM deliveries WHERE state = 'waiting' AND due <= ? ORDER BY due, seq LIMIT ?", (now, BATCH)
            ).fetchall()

    def send(self, delivery: Row) -> bool:
        """Try one delivery; True when the receiver took it."""
        event = self.store.find(delivery["event_id"], "event")
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        secret = self.secret + "-forged" if delivery["forged"] else self.secret
        headers = {"Content-Type": "application/json", "Stripe-Signature": sign(body, secret, int(time.time()))}
        try:
            status = self.post(body, headers)
        except requests.RequestException as trouble:
            log.info("event %s not delivered: %s", delivery["event_id"], type(trouble).__name__)
            status = 0
        self._note(delivery, 200 <= status < 300)
        return 200 <= status < 300

    def _note(self, delivery: Row, taken: bool) -> None:
        tries = delivery["tries"] + 1
        given_up = tries >= TRIES_MAX or delivery["forged"]
        state = "taken" if taken else "given_up" if given_up else "waiting"
        with self.store.transaction():
            self.store.sql.execute(
                "UPDATE deliveries SET state = ?, tries = ?, due = ? WHERE seq = ?",
                (state, tries, time.time() + pause_s(tries), delivery["seq"]),
            )

    def send_due(self, now: float | None = None) -> int:
        """Send everything that is due, once, on the spot; returns how many were taken (tests, command line)."""
        return sum(self.send(delivery) for delivery in self.due(time.time() if now is None else now))
