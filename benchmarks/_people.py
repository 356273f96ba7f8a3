"""People of the demo world as programs: thin callers over kept connections, one a thread, that count what they ask."""

import http.client
import json
import secrets
import threading
import time
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit

PASSWORD = "xiaoxiang"
TIMEOUT_S = 60
PATIENCE_S = 30
_local = threading.local()
asked = count()
"""Requests so far: `next(asked)` gives the number of those before."""


def send(address: str, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    """One request on this thread's connection to an address (`host:port`)."""
    next(asked)
    kept: dict[str, http.client.HTTPConnection] = _local.__dict__.setdefault("kept", {})
    for last in (False, True):
        connection = kept.get(address)
        if connection is None:
            connection = kept[address] = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (ConnectionError, http.client.HTTPException):
            del kept[address]
            if last:
                raise
    raise AssertionError


class Person:
    """One signed-in person. A request that is sent again after a lost connection carries the same key."""

    def __init__(self, url: str, phone: str) -> None:
        self.address = urlsplit(url).netloc
        self.headers = {"Content-Type": "application/json"}
        answer = self.post("/login", {"phone": phone, "password": PASSWORD})
        self.headers["Authorization"] = "Bearer " + answer["token"]

    def get(self, path: str, **query: Any) -> Any:
        """Read; anything but 200 ends the benchmark."""
        return self._ask("GET", path + ("?" + urlencode(query) if query else ""), None)

    def post(self, path: str, body: Any = None) -> Any:
        """Do; anything but success ends the benchmark."""
        return self._ask("POST", path, body or {})

    def everything(self, path: str, **query: Any) -> Any:
        """All items of a list, page by page."""
        after: dict[str, Any] = {}
        while True:
            page = self.get(path, limit=100, **query, **after)
            yield from page["items"]
            if not page["next"]:
                return
            after = {"after": page["next"]}

    def _ask(self, method: str, path: str, body: Any) -> Any:
        headers = self.headers if body is None else self.headers | {"Idempotency-Key": secrets.token_hex(16)}
        sent = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status, answer = send(self.address, method, "/api/v1" + path, sent, headers)
            if status != 503 or time.monotonic() > deadline:
                break
            time.sleep(0.2)  # busy: the house asks to come again, with the same key
        if status not in (200, 201, 204):
            raise SystemExit(f"{method} {path}: {status} {answer.decode()[:500]}")
        return json.loads(answer) if answer else None


def press(pay_url: str) -> None:
    """The buyer presses 付款 on the page of the stand-in."""
    split = urlsplit(pay_url)
    path = split.path + ("?" + split.query if split.query else "")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = send(split.netloc, "POST", path, b"outcome=pay", form)
    if status not in (200, 303):
        raise SystemExit(f"POST {pay_url}: {status} {answer.decode()[:500]}")
