"""One process that starts the house's servers, watches them and ends them together."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TextIO

from core.embedded_place import LOG_BYTES_MAX
from core.ending import Ending, signals_held
from core.lifeline import die_with_parent

START_S = 60
STOP_S = 5
WATCH_S = 0.2
BACKOFF_S = 0.5
BACKOFF_MAX_S = 30.0
STEADY_S = 60.0
"""A server that lived so long has recovered: its next restart waits little again."""
TRIES_MAX = 5
"""So often a server may end before it ever answered; then the whole house stops and says so."""


class NotStarting(Exception):
    """A server does not come up; the text is one line that says where to look."""


class Watched(Protocol):
    """What can be started, watched and ended."""

    name: str

    def start(self) -> None: ...

    def alive(self) -> bool: ...

    def stop(self) -> None: ...


@dataclass
class Service:
    """A program of ours, its log, and the address at which it answers once it is ready."""

    name: str
    command: Sequence[str]
    log: Path
    health: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    ends_by: signal.Signals = signal.SIGKILL
    """What it gets when we are gone: SIGKILL, unless it has children of its own to end."""
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start the program; it is killed when we are gone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.process is not None:
            self._end_group()  # what a server that died left behind would keep its port
        big = self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX
        with self.log.open("wb" if big else "ab") as log, signals_held():
            self.process = subprocess.Popen(
                list(self.command),
                env=os.environ | self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(self.ends_by),  # noqa: PLW1509  # started from the main thread only
            )

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ready(self) -> bool:
        """Whether it answers; a program without an address is ready as soon as it runs."""
        if not self.alive() or self.health is None:
            return self.alive()
        try:
            with urllib.request.urlopen(self.health, timeout=2) as answer:  # noqa: S310  # our own address
                return int(answer.status) == 200
        except (urllib.error.URLError, OSError):
            return False

    def ask_to_stop(self) -> None:
        if self.alive() and self.process:
            self.process.terminate()

    def stop(self, patience_s: float | None = None) -> None:
        """Let it finish what it does, for a few seconds; then end it and everything it started."""
        self.ask_to_stop()
        if self.process is None:
            return
        try:
            self.process.wait(STOP_S if patience_s is None else patience_s)
        except subprocess.TimeoutExpired:
            say(f"{self.name} did not stop in {STOP_S} s and was ended.")
        self._end_group()
        self.process.wait()

    def _end_group(self) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


@dataclass
class _Record:
    """What the supervisor remembers of one server."""

    watched: Watched
    started: float = 0.0
    failures: int = 0
    due: float | None = None
    was_ready: bool = False


class Supervisor:
    """Starts servers in order, keeps them running, and ends them in the opposite order."""

    def __init__(self, base: Watched | None, services: Sequence[Service], ending: Ending) -> None:
        self.base = _Record(base, time.monotonic(), was_ready=True) if base else None
        self.services = [_Record(service) for service in services]
        self.ending = ending

    def start(self) -> bool:
        """Start everything and wait until it answers; False when told to end meanwhile. Raises NotStarting.

        The first service gets the machine to itself until it answers: people wait for the first page.
        """
        return self._start_all(self.services[:1]) and self._start_all(self.services[1:])

    def _start_all(self, waiting: list[_Record]) -> bool:
        for record in waiting:
            self._start(record)
        deadline = time.monotonic() + START_S
        while waiting and not self.ending.wait(0.05):
            for record in waiting:
                self._tend(record)
            waiting = [record for record in waiting if not self._answers(record)]
            if time.monotonic() > deadline:
                raise NotStarting(f"{waiting[0].watched.name} does not answer after {START_S} s; {_log(waiting[0])}")
        return not self.ending.is_set()

    def watch(self) -> None:
        """Restart what dies, until told to end."""
        while not self.ending.wait(WATCH_S):
            for record in [self.base, *self.services]:
                if record:
                    self._tend(record)

    def stop(self) -> None:
        """End the services together; the base is ended by whoever made it."""
        services = [record.watched for record in self.services if isinstance(record.watched, Service)]
        for service in services:
            service.ask_to_stop()
        deadline = time.monotonic() + STOP_S
        for service in services:
            service.stop(max(deadline - time.monotonic(), 0))

    def _answers(self, record: _Record) -> bool:
        assert isinstance(record.watched, Service)
        record.was_ready = record.was_ready or record.watched.ready()
        return record.was_ready

    def _start(self, record: _Record) -> None:
        record.due, record.started = None, time.monotonic()
        try:
            record.watched.start()
        except Exception as wrong:  # noqa: BLE001  # whatever it is, the watch goes on and tries again
            say(f"{record.watched.name}: {wrong}")

    def _tend(self, record: _Record) -> None:
        """Plan a restart of a dead server, or carry it out when it is due."""
        now = time.monotonic()
        if record.due is not None:
            if now >= record.due:
                self._start(record)
            return
        if record.watched.alive():
            return
        record.failures = 1 if now - record.started > STEADY_S else record.failures + 1
        if not record.was_ready and record.failures >= TRIES_MAX:
            raise NotStarting(f"{record.watched.name} does not start; {_log(record)}")
        pause = min(BACKOFF_S * 2 ** (record.failures - 1), BACKOFF_MAX_S)
        say(f"{record.watched.name} ended unexpectedly; starting it again in {pause:g} s.")
        record.due = now + pause


def _log(record: _Record) -> str:
    log = record.watched.log if isinstance(record.watched, Service) else None
    if log is None or not log.exists():
        return "it left no log"
    lines = [line for line in log.read_text(errors="replace").splitlines()[-30:] if line.strip()]
    return f"{lines[-1].strip()[:200] if lines else 'no word of it'} (log: {log})"


def say(text: str, stream: TextIO | None = None) -> None:
    """Tell the person at the terminal; when that is closed there is nobody, and nothing stops for it."""
    out = stream or sys.stderr
    try:
        print(text, file=out, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
