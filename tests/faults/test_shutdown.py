"""Ctrl-C, TERM and a closed terminal stop the whole house, at any moment, in a few seconds, and leave no process."""

import fcntl
import os
import pty
import signal
import socket
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from core import embedded, supervise
from tests.house import House

pytestmark = [pytest.mark.no_db, pytest.mark.faults, pytest.mark.xdist_group("house")]
FEW_S = supervise.STOP_S + embedded.STOP_S + 3
"""What the servers and the database are given at most; a quiet machine takes one to four."""


def _told(house: House, *signals: int) -> None:
    """Send signals, a moment apart; the house ends well, soon, and completely."""
    assert house.process is not None
    began = time.monotonic()
    for number in signals:
        house.process.send_signal(number)
        time.sleep(0.3)
    code = house.process.wait(30)
    took = time.monotonic() - began
    assert code == 0, house.log.read_text()[-2000:]
    assert took < FEW_S
    assert not house.remains()
    assert "Traceback" not in house.log.read_text()


@contextmanager
def _a_viewer_and_a_slow_caller(house: House) -> Iterator[None]:
    """A live stream that is being read, and a request whose body does not end."""
    room = requests.get(f"{house.url}/api/v1/live-sessions", timeout=10).json()["items"][0]["id"]
    stream = f"http://127.0.0.1:{house.port + 1}/api/v1/live-sessions/{room}/stream"
    with (
        requests.get(stream, stream=True, timeout=10) as viewer,
        socket.create_connection(("127.0.0.1", house.port), timeout=10) as caller,
    ):
        assert next(viewer.iter_content(1))
        head = (
            "POST /api/v1/login HTTP/1.1\r\nHost: house\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        )
        caller.sendall(head.encode() + b'{"phone"')
        yield


@pytest.fixture
def fresh() -> Iterator[House]:
    """A house that was never opened."""
    found = House()
    try:
        yield found
    finally:
        found.close()


def test_told_to_end_while_it_opens_it_ends_and_the_next_start_makes_up_for_it(fresh):
    house = fresh
    data = house.home / "state" / "postgres"
    moments = [
        (signal.SIGTERM, lambda: any(data.glob("data.new*")), "initdb"),
        (signal.SIGINT, lambda: (data / "data" / "postmaster.pid").exists(), "PostgreSQL comes up"),
        (signal.SIGHUP, lambda: "Loading the demo world" in house.log.read_text(), "the demo world loads"),
        (signal.SIGTERM, lambda: any("gunicorn" in words for words in house.remains().values()), "the web starts"),
    ]
    for number, moment, what in moments:
        house.begin()
        house.until(moment, what)
        _told(house, number)
    house.start()
    assert house.caller("02").get("/orders")["items"] == []
    verified = house.manage("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    _told(house, signal.SIGINT)


def test_ctrl_c_ends_it_also_when_a_shell_started_it_in_the_background_and_further_signals_disturb_nothing(shut):
    shut.open(first=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    with _a_viewer_and_a_slow_caller(shut):
        _told(shut, signal.SIGINT, signal.SIGTERM, signal.SIGINT)


def test_a_server_that_hangs_does_not_hold_the_house_up(shut):
    shut.open()
    stopped = [pid for pid, words in shut.remains().items() if "gunicorn" in words]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    _told(shut, signal.SIGTERM)


def test_it_goes_with_its_terminal(shut):
    master, slave = pty.openpty()

    def sit_down() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    shut.begin(terminal=slave, first=sit_down)
    os.close(slave)
    shut.until(lambda: shut.answers("/readyz"), "the first page")
    os.close(master)
    assert shut.process is not None
    assert shut.process.wait(FEW_S) == 0
    assert not shut.remains()
