"""Our own PostgreSQL: made on first use, a plain child process, gone with its parent, its data kept.

The binaries come from a wheel (or any folder: `XIAOXIANG_POSTGRES_BIN`). Only a Unix socket in a folder of mode 0700 is
served, no port. fsync stays on. Start it from the main thread: the kernel ends it when the starting thread ends.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.embedded_place import Place, PostgresFailed, find_place, private
from core.ending import signals_held

START_S = 60
STOP_S = 10
FREE_BYTES_MIN = 200 * 1024**2
VERSION_MIN = 15
BUILTIN_LOCALE_SINCE = 17
OPTIONS = ("fsync=on", "max_connections=80", "shared_buffers=256MB", "timezone=UTC", "log_timezone=UTC")


class Server:
    """One PostgreSQL that belongs to this process."""

    name = "PostgreSQL"

    def __init__(self, home: Path, *, options: Sequence[str] = ()) -> None:
        self.home = home
        self.options = (*OPTIONS, *options)
        self.process: subprocess.Popen[str] | None = None
        self.place = find_place(home)

    def start(self) -> None:
        """Make the data folder if need be and wait until connections are taken. Raises PostgresFailed."""
        free = shutil.disk_usage(self.place.base).free
        if free < FREE_BYTES_MIN:
            raise PostgresFailed(f"The disk of {self.place.base} is full ({free // 1024**2} MB free): make room.")
        major = self._major()
        if major < VERSION_MIN:
            raise PostgresFailed(f"PostgreSQL {major} in {self.place.binaries} is too old: 15 or later is needed.")
        if not self.place.data.exists():
            self._initialise(major)
        have = (self.place.data / "PG_VERSION").read_text().strip()
        if have != str(major):
            raise PostgresFailed(f"{self.place.data} was made by PostgreSQL {have}, this is {major}: move it away.")
        self._await_predecessor()
        private(self.place.sockets, self.place.owner)
        arguments = ["-D", str(self.place.data), "-k", str(self.place.sockets), "-c", "listen_addresses="]
        arguments += [part for option in self.options for part in ("-c", option)]
        with signals_held():
            self.process = self.place.command("postgres", *arguments, wait=False)
        self._await_ready()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """End it in order: open transactions are rolled back, the rest is on disk."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(STOP_S)

    def _major(self) -> int:
        told = self._ask("postgres", "--version").strip()
        number = re.search(r"PostgreSQL\)? (\d+)", told)
        if number is None:
            raise PostgresFailed(f"{self.place.binaries}/postgres is not PostgreSQL (it says {told[:60]!r}).")
        return int(number[1])

    def _ask(self, program: str, *arguments: str) -> str:
        asked = None
        try:
            with signals_held():
                asked = self.place.command(program, *arguments)
            out, _ = asked.communicate()
        finally:
            if asked is not None and asked.poll() is None:
                os.killpg(asked.pid, signal.SIGKILL)
                asked.communicate()
        if asked.returncode:
            full = "No space left on device" in out
            why = "the disk is full: make room" if full else (out.strip().splitlines() or ["no reason given"])[-1]
            raise PostgresFailed(f"{program} failed: {why}")
        return out

    def _initialise(self, major: int) -> None:
        """A new data folder, moved into place only when it is whole."""
        for half in self.place.base.glob("data.new*"):
            shutil.rmtree(half, ignore_errors=True)
        fresh = self.place.base / f"data.new-{os.getpid()}"  # what was killed may still write into its own
        locale = ["--locale=C.UTF-8"]
        if major >= BUILTIN_LOCALE_SINCE:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._ask(
            "initdb", "-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums", *locale
        )
        fresh.rename(self.place.data)

    def _await_predecessor(self) -> None:
        """A server whose parent was killed ends by itself; give it the time."""
        deadline = time.monotonic() + STOP_S
        while (pid := self._pid()) and _runs_postgres(pid, self.place.data):
            if time.monotonic() > deadline:
                raise PostgresFailed(f"Another PostgreSQL (process {pid}) uses {self.place.data}: stop it first.")
            time.sleep(0.05)

    def _pid(self) -> int | None:
        lines = self._pid_file()
        return int(lines[0]) if lines and lines[0].isdecimal() else None

    def _pid_file(self) -> list[str]:
        try:
            return (self.place.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _await_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            lines = self._pid_file()
            if len(lines) >= 8 and lines[7].strip() == "ready" and lines[0] == str(self.process.pid):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        log = self.place.base / "postgres.log"
        told = [
            line for line in log.read_text(errors="replace").splitlines()[-20:] if "FATAL" in line or "PANIC" in line
        ]
        why = told[-1].split(":  ")[-1] if told else f"it was not ready within {START_S} s"
        raise PostgresFailed(f"PostgreSQL did not start: {why} (log: {log})")


def _runs_postgres(pid: int, data: Path) -> bool:
    try:
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@contextmanager
def serving(home: Path) -> Iterator[tuple[Place, Server | None]]:
    """The server of a state folder: the running one, or one for as long as the block lasts.

    The second value is the server when it is ours to watch. Raises PostgresFailed.
    """
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "postgres.lock", "w") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield _running(home), None
            return
        server = Server(home)
        try:
            server.start()
            yield server.place, server
        finally:
            server.stop()


def _running(home: Path) -> Place:
    """The place of a server that another process of ours runs."""
    place = find_place(home)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if (place.sockets / ".s.PGSQL.5432").exists():
            return place
        time.sleep(0.05)
    raise PostgresFailed(f"Another process is starting PostgreSQL in {place.base} and does not finish: stop it.")
