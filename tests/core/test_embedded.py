"""Our own PostgreSQL: safe settings, Chinese search, gone with its parent, its data kept."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from core import embedded, embedded_place
from core.embedded_place import PostgresFailed

pytestmark = [pytest.mark.no_db, pytest.mark.xdist_group("embedded")]
ROOT = Path(embedded.__file__).parent.parent
DEBIAN = Path("/usr/lib/postgresql/15/bin")
PARENT = """
import sys, time
from pathlib import Path
from core.embedded import Server
server = Server(Path(sys.argv[1]))
server.start()
print(server.place.url("postgres", "postgres"), server.process.pid, flush=True)
time.sleep(60)
"""


def _ask(server: embedded.Server, question: str) -> object:
    with psycopg.connect(server.place.url("postgres", "postgres"), autocommit=True) as connection:
        row = connection.execute(question).fetchone()
        return row[0] if row else None


def _lives(pid: str) -> bool:
    """Whether a process runs; one that ended and that nobody has asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def server(tmp_path):
    found = embedded.Server(tmp_path / "state")
    found.start()
    yield found
    found.stop()


def test_it_is_durable_checked_and_without_a_port(server):
    assert _ask(server, "SHOW fsync") == "on"
    assert _ask(server, "SHOW data_checksums") == "on"
    assert _ask(server, "SHOW listen_addresses") == ""
    assert _ask(server, "SHOW timezone") == "UTC"


def test_only_its_owner_reaches_the_socket_and_the_data(server):
    for folder in (server.place.sockets, server.place.data, server.place.base):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_chinese_trigrams_work_whatever_the_language_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("LANG", "C")
    server = embedded.Server(tmp_path / "state")
    server.start()
    try:
        with psycopg.connect(server.place.url("postgres", "postgres")) as connection:
            connection.execute("CREATE EXTENSION pg_trgm")
            row = connection.execute("SELECT cardinality(show_trgm('猕猴桃'))").fetchone()
        assert row == (4,)
    finally:
        server.stop()


def test_every_way_to_connect_takes_a_folder_with_spaces_and_chinese_characters(tmp_path):
    from core import db, notify

    before = db.engine() if db.connected() else None
    with embedded.serving(tmp_path / "我的 项目") as (place, _server):
        engine = db.connect(place.url("postgres", "postgres"))
        with psycopg.connect(notify.plain_url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        engine.dispose()
    if before:
        db.bind(before)


def test_data_outlives_a_stop_and_a_start(server):
    with psycopg.connect(server.place.url("postgres", "postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    server.stop()
    assert not server.alive()
    server.start()
    assert _ask(server, "SELECT n FROM kept") == 42


def test_after_kill_9_of_its_parent_it_is_gone_within_two_seconds_and_nothing_committed_is_lost(tmp_path):
    home = tmp_path / "state"
    command = [sys.executable, "-c", PARENT, str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        url, pid = parent.stdout.readline().split()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'fruit' AS what")
        parent.send_signal(signal.SIGKILL)
        killed = time.monotonic()
    while _lives(pid) and time.monotonic() - killed < 5:
        time.sleep(0.02)
    assert time.monotonic() - killed < 2
    server = embedded.Server(home)
    server.start()
    try:
        assert _ask(server, "SELECT what FROM kept") == "fruit"
    finally:
        server.stop()


def test_after_kill_9_of_the_server_itself_it_starts_again(server):
    with psycopg.connect(server.place.url("postgres", "postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    assert not server.alive()
    deadline = time.monotonic() + 10
    while not server.alive() and time.monotonic() < deadline:
        try:
            server.start()
        except PostgresFailed:
            time.sleep(0.2)
    assert _ask(server, "SELECT n FROM kept") == 7


def test_a_long_path_gets_a_short_socket_folder_of_its_own(tmp_path):
    home = tmp_path / ("很长的文件夹 " * 12)
    server = embedded.Server(home)
    server.start()
    try:
        assert len(os.fsencode(server.place.sockets)) < 80
        assert stat.S_IMODE(server.place.sockets.stat().st_mode) == 0o700
        assert _ask(server, "SELECT 1") == 1
    finally:
        server.stop()
        server.place.sockets.rmdir()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "theirs"
    folder.mkdir()
    monkeypatch.setattr(embedded_place.os, "geteuid", lambda: 4242)
    with pytest.raises(PostgresFailed, match="somebody else"):
        embedded_place.private(folder, 4242)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes nobody")
def test_where_namespaces_are_forbidden_root_runs_it_as_nobody_from_a_reachable_copy(tmp_path, monkeypatch):
    def forbidden() -> None:
        raise PermissionError("unshare")

    monkeypatch.setattr(embedded_place, "_in_own_namespace", forbidden)
    home = tmp_path / "state"
    place = embedded_place.find_place(home)
    server = embedded.Server(home)
    server.start()
    try:
        assert place.owner == embedded_place.NOBODY
        assert Path(f"/proc/{server.process.pid}").stat().st_uid == embedded_place.NOBODY
        assert _ask(server, "SELECT 1") == 1
    finally:
        server.stop()
        if place.base.is_relative_to("/var/lib"):
            subprocess.run(["rm", "-rf", str(place.base)], check=True)


def test_two_processes_share_one_server_for_as_long_as_the_first_lives(tmp_path):
    with embedded.serving(tmp_path) as (place, mine), embedded.serving(tmp_path) as (same, theirs):
        assert mine is not None
        assert theirs is None
        assert same.url("postgres", "postgres") == place.url("postgres", "postgres")


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "FREE_BYTES_MIN", 1 << 62)
    with pytest.raises(PostgresFailed, match="full"):
        embedded.Server(tmp_path).start()


def test_data_of_another_version_is_not_touched(server):
    server.stop()
    (server.place.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(PostgresFailed, match="made by PostgreSQL 14"):
        server.start()


def test_an_interrupted_first_start_leaves_nothing_that_is_taken_for_data(tmp_path):
    home = tmp_path / "state"
    server = embedded.Server(home)
    half = server.place.base / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    try:
        assert _ask(server, "SELECT 1") == 1
    finally:
        server.stop()


@pytest.mark.skipif(not DEBIAN.exists(), reason="Debian's PostgreSQL 15 is not installed")
def test_debians_binaries_serve_as_well(tmp_path, monkeypatch):
    monkeypatch.setenv("XIAOXIANG_POSTGRES_BIN", str(DEBIAN))
    server = embedded.Server(tmp_path / "state")
    server.start()
    try:
        assert str(_ask(server, "SHOW server_version")).startswith("15.")
        assert _ask(server, "SELECT length('猕猴桃') = 3 AND '猕' ~ '[[:alpha:]]'") is True
    finally:
        server.stop()


def test_without_binaries_the_way_out_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("XIAOXIANG_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(PostgresFailed, match="DATABASE_URL"):
        embedded.Server(tmp_path)
