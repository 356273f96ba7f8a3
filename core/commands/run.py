"""start everything, load the demo world on first use, and print where to look"""

import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from core import house_database, video_server
from core.ending import ending, signals_held
from core.house_database import HouseDatabase
from core.lifeline import die_with_parent
from core.migrating import migrate
from core.settings import ROOT, Settings, settings
from core.supervise import Service, Supervisor, say

PATIENCE_S = 8
"""How long the servers of a house that was killed may take to let go of their ports."""
DEMO_PASSWORD = "xiaoxiang"  # noqa: S105  # of the demo world only, which never loads beside real keys
DEMO_PEOPLE = (
    ("farmer", "13900000001"),
    ("buyer", "13900000002"),
    ("station keeper", "13900000003"),
    ("host", "13900000004"),
    ("branch head", "13900000005"),
    ("van driver", "13900000006"),
    ("supplier", "13900000007"),
    ("province manager", "13900000008"),
    ("second buyer", "13900000009"),
    ("campus clerk", "13900000010"),
)


class CannotRun(Exception):
    """Something outside is in the way; the text is one line that says what to do."""


def main(args: Sequence[str]) -> int:
    """Run the house until Ctrl-C; with `--video`, and with a video server beside it where one is installed."""
    with_video = "--video" in args
    if with_video:
        os.environ["XIAOXIANG_VIDEO"] = "1" if video_server.find() else "0"
    found = settings()
    with _alone(found.home) as killed_before:
        video = _video(found) if with_video else []
        _check_ports(found, with_video=bool(video), patience_s=PATIENCE_S if killed_before else 0)
        with house_database.opened(found.home) as database:
            _prepare(database, found)
            return _serve(database, found, video)


def _video(found: Settings) -> list[Service]:
    """The video server, or a word why there is none: the house sells without it."""
    video_server.use_language_of(os.environ)
    try:
        return [video_server.service(found)]
    except video_server.NoVideoServer as why:
        os.environ["XIAOXIANG_VIDEO"] = "0"
        say(str(why))
        return []


@contextmanager
def _alone(home: Path) -> Iterator[bool]:
    """Refuse a second house on the same state folder; whether the one before was killed."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "run.lock").open("a+") as guard:
        guard.seek(0)
        before = guard.read().strip()
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as wrong:
            raise CannotRun(
                f"Xiaoxiang already runs from {home} (process {before}): "
                "stop it, or set XIAOXIANG_HOME and XIAOXIANG_PORT."
            ) from wrong
        guard.truncate(0)
        guard.write(str(os.getpid()))
        guard.flush()
        try:
            yield bool(before)
        finally:
            guard.truncate(0)


def _check_ports(found: Settings, *, with_video: bool, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    of_video = video_server.ports(found) if with_video else ()
    for port in (found.port, found.stream_port, found.standin_port, *of_video):
        while _taken(port):
            if time.monotonic() >= deadline:
                raise CannotRun(
                    f"Port {port} is taken: stop what uses it, or choose another, "
                    f"as in: XIAOXIANG_PORT={found.port + 100} python3 manage.py run"
                )
            time.sleep(0.1)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _prepare(database: HouseDatabase, found: Settings) -> None:
    """The newest tables; in the demo world also its people and places, once."""
    if migrate(database.owner_url):
        say("The tables are up to date.")
    if found.world != "demo" or os.environ.get("XIAOXIANG_DEMO") == "0":
        return
    with psycopg.connect(database.app_url) as connection:
        row = connection.execute("SELECT EXISTS (SELECT FROM users)").fetchone()
    if row and not row[0]:
        say("Loading the demo world (once) …")
        if _load_demo():
            raise CannotRun("The demo world could not be loaded (see above); XIAOXIANG_DEMO=0 starts without it.")


def _load_demo() -> int:
    """The demo world, in a process that a signal to us does not reach: we end it ourselves. Its exit code."""
    command = [sys.executable, str(ROOT / "manage.py"), "load-demo"]
    tied = die_with_parent()
    loading = None
    try:
        with signals_held():
            loading = subprocess.Popen(command, start_new_session=True, preexec_fn=tied)  # noqa: PLW1509  # one thread
        return loading.wait()
    finally:
        if loading is not None:
            loading.kill()
            loading.wait()


def services(found: Settings) -> list[Service]:
    """The programs of the house and where they answer."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--chdir", str(ROOT), "-c", str(ROOT / "gunicorn.conf.py")]
    logs = found.home / "logs"

    def served(name: str, port: int, path: str) -> Service:
        env = {"XIAOXIANG_SERVICE": name, "XIAOXIANG_PORT": str(found.port)}
        return Service(name, gunicorn, logs / f"{name}.log", f"http://127.0.0.1:{port}{path}", env)

    worker = Service("worker", [sys.executable, str(ROOT / "manage.py"), "worker"], logs / "worker.log")
    every = [served("web", found.port, "/readyz"), served("stream", found.stream_port, "/healthz"), worker]
    if found.stripe_api_base and found.stripe_api_base.endswith(f":{found.standin_port}"):
        every.append(served("standin", found.standin_port, "/healthz"))
    return every


def _serve(database: HouseDatabase, found: Settings, video: list[Service]) -> int:
    supervisor = Supervisor(database.server, [*services(found), *video], ending)
    try:
        if supervisor.start():
            _greet(found, with_video=bool(video))
            supervisor.watch()
    finally:
        say("Stopping …")
        supervisor.stop()
    return 0


def _greet(found: Settings, *, with_video: bool) -> None:
    lines = [
        "",
        f"Xiaoxiang 潇湘 is open ({found.world} world).",
        f"  pages        http://127.0.0.1:{found.port}/",
        f"  API          http://127.0.0.1:{found.port}/api/docs",
        f"  live stream  http://127.0.0.1:{found.stream_port}/",
    ]
    if with_video:
        lines += [f"  live video   {found.rtmp_url}  (the key is on the host's console)"]
    if found.world == "demo":
        lines += [f"  stand-in     http://127.0.0.1:{found.standin_port}/  (plays Stripe; no real money)", ""]
        lines += [f"  Log in with password {DEMO_PASSWORD} as:"]
        lines += [f"    {phone}  {role}" for role, phone in DEMO_PEOPLE]
    say("\n".join([*lines, "", "Ctrl-C stops everything."]), sys.stdout)
