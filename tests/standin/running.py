"""A running stand-in for tests: on a free port of this machine, its events handed over when the test says so."""

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from core.settings import settings
from orders import stripe as adapter
from orders.standin import create_app
from orders.standin.sender import Post

KEY = "sk_test_standin"


class StandIn:
    """The stand-in as a test sees it."""

    def __init__(self, app: Flask, url: str) -> None:
        self.app = app
        self.url = url
        self.sender = app.extensions["sender"]

    def arm(self, kind: str, times: int = 1, **options: Any) -> None:
        """Let something go wrong."""
        answer = self._control("POST", "/_control/faults", {"kind": kind, "times": times, **options})
        assert answer.status_code == 200, answer.text

    def end_refund(self, id_: str, status: str) -> None:
        """The bank's answer to a refund."""
        assert self._control("POST", f"/_control/refunds/{id_}", {"status": status}).status_code == 200

    def press(self, pay_url: str, outcome: str = "pay") -> requests.Response:
        """The buyer presses a button of the page; a code to scan leads to its page first."""
        return requests.post(
            pay_url.replace("/qr/", "/pay/"), data={"outcome": outcome}, allow_redirects=False, timeout=10
        )

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Everything of a kind, newest first."""
        found: list[dict[str, Any]] = self.app.config["STORE"].newest(kind, limit=1000)
        return found

    def deliver(self, client: FlaskClient, *, later_s: float = 0) -> int:
        """Send what is due now, or would be due in so many seconds, to our own webhook."""
        self.sender.post = to_client(client)
        return int(self.sender.send_due(time.time() + later_s))

    def _control(self, method: str, path: str, form: Mapping[str, Any]) -> requests.Response:
        headers = {"Authorization": f"Bearer {KEY}"}
        return requests.request(method, self.url + path, data=form, headers=headers, timeout=10)


def to_client(client: FlaskClient) -> Post:
    """Hand events to a Flask test client."""

    def post(body: bytes, headers: Mapping[str, str]) -> int:
        return int(client.post("/api/v1/stripe/webhook", data=body, headers=dict(headers)).status_code)

    return post


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A fresh stand-in; the adapter talks to it."""
    app = create_app(tmp_path / "standin.sqlite", api_key=KEY, secret=str(settings().stripe_webhook_secret))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    client = adapter.make_client(KEY, url)
    monkeypatch.setattr(adapter, "_client", lambda: client)
    yield StandIn(app, url)
    server.shutdown()
    server.server_close()
