"""What stands in the way of a start is said in one line that tells what to do, and the exit code is 1."""

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.house import ROOT, House

pytestmark = [pytest.mark.no_db, pytest.mark.faults, pytest.mark.xdist_group("house")]


@pytest.fixture
def house() -> Iterator[House]:
    """A house that does not come to be."""
    found = House()
    try:
        yield found
    finally:
        found.close()


def _refused(house: House, **env: str) -> str:
    """The one line that a start which must fail leaves behind."""
    done = house.manage("run", **env)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert not house.remains()
    return lines[0]


def test_a_taken_port_is_named_with_another_to_choose(house):
    for offset in range(3):
        with socket.create_server(("127.0.0.1", house.port + offset)):
            line = _refused(house)
        assert f"Port {house.port + offset} is taken" in line
        assert f"XIAOXIANG_PORT={house.port + 100}" in line


@pytest.mark.parametrize(
    "url",
    ["postgresql://127.0.0.1:1/xiaoxiang", "postgresql://no.such.host.invalid/x", "mysql://a/b", "nonsense", "://"],
)
def test_a_database_that_cannot_be_reached(house, url):
    line = _refused(house, DATABASE_URL=url, XIAOXIANG_WORLD="demo")
    assert line.startswith("DATABASE_URL cannot be reached (")
    assert line.endswith("start that server, or unset DATABASE_URL to use our own.")


def test_a_database_server_that_is_too_old(house):
    with _postgres_of_version("14.9") as port:
        line = _refused(house, DATABASE_URL=f"postgresql://x@127.0.0.1:{port}/x", XIAOXIANG_WORLD="demo")
    assert line == "DATABASE_URL is PostgreSQL 14; 15 or later is needed."


@pytest.mark.parametrize(
    ("says", "wanted"),
    [
        ("postgres (PostgreSQL) 14.9 (Debian 14.9-1)", "PostgreSQL 14 in {here} is too old: 15 or later is needed."),
        ("postgres (PostgreSQL) 9.6devel", "PostgreSQL 9 in {here} is too old: 15 or later is needed."),
        ("hello", "{here}/postgres is not PostgreSQL (it says 'hello')."),
    ],
)  # fmt: skip
def test_programs_that_are_too_old_or_something_else(house, tmp_path, says, wanted):
    _program(tmp_path / "postgres", f"echo '{says}'")
    line = _refused(house, XIAOXIANG_POSTGRES_BIN=str(tmp_path))
    assert line == wanted.format(here=tmp_path)


def test_a_folder_without_programs(house, tmp_path):
    line = _refused(house, XIAOXIANG_POSTGRES_BIN=str(tmp_path))
    assert line == f"No PostgreSQL in {tmp_path}: set DATABASE_URL to a server of version 15 or later."


def test_a_state_folder_that_cannot_be_made(house, tmp_path):
    (tmp_path / "file").touch()
    line = _refused(house, XIAOXIANG_HOME=str(tmp_path / "file" / "state"))
    assert "Not a directory" in line
    assert "XIAOXIANG_HOME" in line


def test_a_python_without_pip_and_ensurepip(tmp_path):
    """In a process of its own, which finds neither."""
    code = """
import importlib.util, sys
from pathlib import Path
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in ("pip", "ensurepip") else find(name, *more)
from core import bootstrap
bootstrap.VENV = Path(sys.argv[1])
bootstrap.prepare.__kwdefaults__["folder"] = bootstrap.VENV
import manage
sys.exit(manage.main(["run"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "env")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    wanted = "Python has neither pip nor ensurepip: install pip (Debian: apt-get install python3-pip).\n"
    assert done.stderr == wanted
    assert not (tmp_path / "env").exists()


def _program(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    for folder in (file.parent, file.parent.parent):
        folder.chmod(0o755)  # PostgreSQL's programs are not run as root


@contextmanager
def _postgres_of_version(version: str) -> Iterator[int]:
    """A server that says just enough for a client to learn its version; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve_one, args=(listening, version))
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join(10)


def _serve_one(listening: socket.socket, version: str) -> None:
    connection, _address = listening.accept()
    with connection:
        while int.from_bytes(_packet(connection)[:4], "big") != 3 << 16:
            connection.sendall(b"N")  # neither TLS nor GSSAPI
        connection.sendall(_message(b"R", struct.pack(">i", 0)))
        for name, value in (("server_version", version), ("client_encoding", "UTF8"), ("server_encoding", "UTF8")):
            connection.sendall(_message(b"S", f"{name}\0{value}\0".encode()))
        connection.sendall(_message(b"K", struct.pack(">ii", 1, 1)) + _message(b"Z", b"I"))
        connection.recv(100)


def _packet(connection: socket.socket) -> bytes:
    length = int.from_bytes(connection.recv(4), "big")
    return connection.recv(length - 4)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body
