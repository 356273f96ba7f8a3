"""The stand-in as its own program: it starts, remembers over a kill, and tells the house's webhook by itself."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from orders import stripe as adapter
from tests.standin.running import KEY

pytestmark = pytest.mark.no_db
ROOT = Path(__file__).resolve().parents[2]
START_S = 20
ASKED = adapter.Asked("p1", "4312", "alipay", 2_990, "CNY", "http://shop.test/back")


def free_port() -> int:
    """The first of three free ports in a row: web, stream, stand-in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1]) - 2


@contextmanager
def running(home: Path, port: int, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    env = os.environ | {"XIAOXIANG_HOME": str(home), "XIAOXIANG_PORT": str(port), "XIAOXIANG_WORLD": "demo"} | more
    process = subprocess.Popen([sys.executable, "-m", "orders.standin"], cwd=ROOT, env=env, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def wait_for(port: int) -> str:
    url = f"http://127.0.0.1:{port + 2}"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/healthz", timeout=1).ok:
                return url
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the stand-in did not start")


class House(BaseHTTPRequestHandler):
    """Says no to the first event and yes from then on."""

    seen: list[bytes] = []

    def do_POST(self) -> None:
        self.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200 if len(self.seen) > 1 else 503)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Quiet."""


def test_it_remembers_over_a_kill_and_sends_until_it_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    House.seen.clear()
    port = free_port()
    house = HTTPServer(("127.0.0.1", port), House)
    Thread(target=house.serve_forever, daemon=True).start()
    with running(tmp_path, port):
        client = adapter.make_client(KEY, wait_for(port))
        monkeypatch.setattr(adapter, "_client", lambda: client)
        opened = adapter.open_payment(ASKED)
    with running(tmp_path, port):
        wait_for(port)
        assert adapter.open_payment(ASKED) == opened
        requests.post(opened.pay_url, data={"outcome": "pay"}, allow_redirects=False, timeout=5)
        deadline = time.monotonic() + START_S
        while len(House.seen) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
    house.shutdown()
    house.server_close()
    assert len(House.seen) == 2
    assert House.seen[0] == House.seen[1]


def test_in_a_live_world_it_ends_with_a_reason(tmp_path: Path) -> None:
    keys = {"XIAOXIANG_WORLD": "live", "STRIPE_KEY": "sk_test_standin"}
    with running(tmp_path, free_port(), **keys) as process:
        _out, words = process.communicate(timeout=START_S)
    assert process.returncode != 0
    assert b"live" in words.lower() or b"key file" in words
