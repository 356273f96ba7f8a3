"""The supervisor: waits for answers, names and restarts what dies, gives up in words, leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core import supervise
from core.ending import Ending
from core.supervise import NotStarting, Service, Supervisor

pytestmark = pytest.mark.no_db
ROOT = Path(supervise.__file__).parent.parent
SLEEPER = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def _service(tmp_path: Path, code: str, name: str = "sleeper", health: str | None = None) -> Service:
    return Service(name, [sys.executable, "-c", code], tmp_path / f"{name}.log", health)


def _gone(pid: int, within_s: float = 5) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_it_waits_until_a_server_answers(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "import http.server, time; time.sleep(0.5)\n"
        f"http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    supervisor = Supervisor(None, [_service(tmp_path, code, health=f"http://127.0.0.1:{port}/")], Ending())
    began = time.monotonic()
    assert supervisor.start()
    assert time.monotonic() - began > 0.5
    supervisor.stop()


def test_a_server_that_dies_is_named_and_started_again(tmp_path, capsys):
    service = _service(tmp_path, SLEEPER)
    supervisor = Supervisor(None, [service], Ending())
    supervisor.start()
    first = service.process.pid
    os.kill(first, signal.SIGKILL)
    threading.Timer(2, supervisor.ending.set).start()
    supervisor.watch()
    assert service.alive()
    assert service.process.pid != first
    assert "sleeper ended unexpectedly; starting it again in 0.5 s." in capsys.readouterr().err
    supervisor.stop()


def test_restarts_wait_longer_each_time_but_never_more_than_the_bound(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(supervise, "BACKOFF_S", 0.01)
    monkeypatch.setattr(supervise, "BACKOFF_MAX_S", 0.03)
    monkeypatch.setattr(supervise, "WATCH_S", 0.01)
    service = _service(tmp_path, "raise SystemExit(1)")
    supervisor = Supervisor(None, [service], Ending())
    supervisor.services[0].was_ready = True
    supervisor._start(supervisor.services[0])
    threading.Timer(1.5, supervisor.ending.set).start()
    supervisor.watch()
    pauses = [line.split()[-2] for line in capsys.readouterr().err.splitlines()]
    assert pauses[:4] == ["0.01", "0.02", "0.03", "0.03"]


def test_a_server_that_never_starts_is_given_up_with_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "BACKOFF_S", 0.01)
    answer = "http://127.0.0.1:9/"
    supervisor = Supervisor(None, [_service(tmp_path, "raise SystemExit('no such table')", "web", answer)], Ending())
    with pytest.raises(NotStarting, match="web does not start; no such table"):
        supervisor.start()


def test_a_stop_ends_even_what_does_not_listen_and_what_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "STOP_S", 0.3)
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}])\n" + STUBBORN
    service = _service(tmp_path, code)
    supervisor = Supervisor(None, [service], Ending())
    supervisor.start()
    time.sleep(0.5)
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    assert children
    supervisor.stop()
    assert not service.alive()
    assert all(_gone(int(pid)) for pid in children)


def test_several_that_do_not_listen_are_waited_for_together(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "STOP_S", 1.5)
    code = (
        f"import pathlib, sys; exec({STUBBORN.replace('; time.sleep(60)', '')!r})\npathlib.Path(sys.argv[1]).touch()\n"
    )
    names = ("one", "two", "three")
    services = [_service(tmp_path, code + "time.sleep(60)", name) for name in names]
    for service in services:
        service.command = [*service.command, str(tmp_path / f"{service.name}.deaf")]
    supervisor = Supervisor(None, services, Ending())
    supervisor.start()
    while not all((tmp_path / f"{name}.deaf").exists() for name in names):
        time.sleep(0.02)
    began = time.monotonic()
    supervisor.stop()
    assert 1.5 <= time.monotonic() - began < 2 * 1.5
    assert not any(service.alive() for service in services)


def test_after_kill_9_of_the_supervisor_its_servers_end_too(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from core.supervise import Service\n"
        f"s = Service('sleeper', [sys.executable, '-c', {SLEEPER!r}], Path({str(tmp_path / 'log')!r})); s.start()\n"
        "print(s.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    assert _gone(pid, 2)


def test_a_signal_ends_the_wait_whatever_the_wait_is_at():
    """Hundreds of signals, each at some moment of the very short waits that a watch is made of."""
    code = """
import random, signal, sys
from core.ending import Ending, ToldToEnd
for _ in range(3000):
    ending = Ending()
    ending.obey_signals()
    signal.signal(signal.SIGALRM, ending._hear)
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00005, 0.001))
        while not ending.wait(0.00001):
            pass
    except ToldToEnd:
        continue
    sys.exit("not told")
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=30, check=False).returncode == 0


def test_a_closed_terminal_stops_nothing(tmp_path):
    code = "import sys; from core.supervise import say; say('one'); say('two', sys.stdout); sys.exit(7)"
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=closed, stderr=closed, check=False)
    assert done.returncode == 7
