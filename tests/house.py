"""The whole product, started as a user starts it, for browser, journey and fault tests."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import requests

from core.lifeline import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
START_S = 120
STOP_S = 20
PASSWORD = "xiaoxiang"
ADDRESS = {"name": "王小明", "phone": "13800001234", "region_code": "430104", "detail": "麓山南路 2 号"}


class House:
    """`manage.py run` in a state folder and on ports of its own."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self.home = Path(tempfile.mkdtemp(prefix="xx-house-"))
        self.port = _free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.home / "run.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """What the product sees of this machine: its own ports, its own folder, no database given."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XIAOXIANG_", "DATABASE_URL", "STRIPE_"))}
        return kept | {"XIAOXIANG_HOME": str(self.home / "state"), "XIAOXIANG_PORT": str(self.port)}

    @property
    def runs(self) -> bool:
        """Whether its first process lives."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start everything and wait until the first page answers."""
        self.begin()
        self.until(lambda: self.answers("/readyz"), "the first page")

    def open(self, *, first: Callable[[], object] | None = None, terminal: int | None = None) -> None:
        """Start everything and wait until all of it is there."""
        opened = self._opened()
        self.begin(first=first, terminal=terminal)
        self.until(lambda: self._opened() > opened, "all servers")

    def _opened(self) -> int:
        return self.log.read_text().count("is open (") if self.log.exists() else 0

    def begin(self, *, first: Callable[[], object] | None = None, terminal: int | None = None) -> None:
        """Start everything; `first` is done in the new process before it becomes the house."""
        tied = die_with_parent()

        def prepare() -> None:
            tied()
            if first:
                first()

        with self.log.open("ab") as log:
            out = log if terminal is None else terminal
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "run", *self.arguments],
                cwd=ROOT, env=self.env, stdin=terminal or subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=prepare,  # noqa: PLW1509  # started from the main thread
            )  # fmt: skip

    def until(self, so: Callable[[], object], what: str) -> None:
        """Wait for something to be so while the house runs."""
        assert self.process is not None
        deadline = time.monotonic() + START_S
        while not so():
            assert self.process.poll() is None, f"the house ended before {what}:\n{self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"{START_S} s and not yet: {what}\n{self.log.read_text()[-3000:]}"
            time.sleep(0.02)

    def answers(self, path: str) -> bool:
        """Whether a path answers 200 now."""
        try:
            return requests.get(self.url + path, timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Ctrl-C."""
        if self.process is not None and self.runs:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_S)

    def kill(self) -> None:
        """kill -9 of the supervisor."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_S)

    def remains(self) -> dict[int, str]:
        """Every process that knows the state folder, by its environment, words or working folder."""
        return {pid: words for pid in _pids() if (words := _knows(pid, os.fsencode(self.home / "state")))}

    def gone(self, within_s: float) -> bool:
        """Whether no process is left, at the latest after so long."""
        deadline = time.monotonic() + within_s
        while self.remains():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        """Leave nothing behind, also when the house no longer heeds."""
        try:
            self.stop()
        finally:
            for pid in self.remains():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.home, ignore_errors=True)

    def manage(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Another command of the door, beside the running house."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT, env=self.env | env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Ask its own PostgreSQL."""
        sockets = quote(str(self.home / "state" / "postgres" / "socket"), safe="")
        with psycopg.connect(f"postgresql://postgres@/xiaoxiang?host={sockets}") as connection:
            return connection.execute(question.encode()).fetchall()

    def stripe(self, method: str, path: str, **form: Any) -> Any:
        """A call to the stand-in, as the one who holds the key: its API and what it lets go wrong on demand."""
        held = {"Authorization": "Bearer sk_test_standin"}
        url = f"http://127.0.0.1:{self.port + 2}{path}"
        answer = requests.request(method, url, data=form, headers=held, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def caller(self, tail: str) -> "Caller":
        """A program signed in as one of the demo people (last two digits of the phone)."""
        return Caller(self.url, f"139000000{tail}")


class Caller:
    """A program that talks to the API as one person."""

    def __init__(self, url: str, phone: str) -> None:
        self.url = url + "/api/v1"
        self.http = requests.Session()
        answer = self.http.post(f"{self.url}/login", json={"phone": phone, "password": PASSWORD}, timeout=20)
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = "Bearer " + answer.json()["token"]

    def get(self, path: str, **query: Any) -> Any:
        """Read; anything but 200 fails the test."""
        answer = self.http.get(self.url + path, params=query, timeout=20)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(
        self, path: str, body: Any = None, *, key: str | None = None, wanted: int | tuple[int, ...] = (200, 201, 204)
    ) -> Any:
        """Do; anything but the wanted status fails the test."""
        answer = self.send(path, body, key=key)
        statuses = (wanted,) if isinstance(wanted, int) else wanted
        assert answer.status_code in statuses, f"POST {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def send(self, path: str, body: Any = None, *, key: str | None = None) -> requests.Response:
        """Do, and see what comes."""
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        return self.http.post(self.url + path, json=body if body is not None else {}, headers=headers, timeout=20)

    def order(self, pack_id: str) -> Any:
        """One of these, as answered."""
        return self.post("/orders", {"lines": [{"pack_id": pack_id, "quantity": 1}], "address": ADDRESS})

    def opens_payment(self, number: str) -> Any:
        """The payment of an order by Alipay, once the buyer can pay."""
        payment = self.post(f"/orders/{number}/payments", {"method": "alipay"})
        return self.until(f"/orders/{number}/payments/{payment['id']}", "status", "pending")

    def until(self, path: str, field: str, wanted: str, *, within_s: float = 30) -> Any:
        """Read again until a field has the wanted value."""
        deadline = time.monotonic() + within_s
        while True:
            found = self.get(path)
            if found[field] == wanted:
                return found
            assert time.monotonic() < deadline, f"{path}: {field} is {found[field]!r}, not {wanted!r}"
            time.sleep(0.2)


def press_pay(pay_url: str) -> None:
    """The buyer presses the button of the wallet's page."""
    answer = requests.post(pay_url, data={"outcome": "pay"}, allow_redirects=False, timeout=10)
    assert answer.status_code == 303, answer.text


def _pids() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]


def _knows(pid: int, folder: bytes) -> str:
    """The words of a process that has to do with a folder; nothing for any other, and for one that has ended."""
    try:
        seen = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        seen.append(os.fsencode(Path(f"/proc/{pid}/cwd").readlink()))
    except OSError:
        return ""
    return seen[0].replace(b"\0", b" ").decode(errors="replace") if any(folder in part for part in seen) else ""


def _free_ports() -> int:
    """A port whose six followers are free as well."""
    for _ in range(100):
        port = secrets.randbelow(20_000) + 20_000
        try:
            for offset in range(7):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return port
    raise AssertionError("no seven free ports in a row")
