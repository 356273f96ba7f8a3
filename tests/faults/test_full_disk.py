"""A full disk: said in one line at the start; in the middle of work nothing acknowledged is lost, and room heals."""

import ctypes
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import ADDRESS, Caller, House

pytestmark = [pytest.mark.no_db, pytest.mark.faults, pytest.mark.xdist_group("house")]
CLONE_NEWNS = 0x20000
SMALL_MB = 500
HEALED_S = 60


@pytest.fixture
def house() -> Iterator[House]:
    """A house whose state folder is a small disk, seen by the processes of this test only and gone with them."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        pytest.skip("this machine lets nobody have disks of his own")
    found = House()
    state = found.home / "state"
    state.mkdir()
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_MB}m,mode=0755", "none", state], check=True)
    try:
        yield found
    finally:
        try:
            found.stop()
        finally:
            subprocess.run(["umount", "--lazy", state], check=True)
            found.close()


def _fill(disk: Path) -> Path:
    """Write until nothing more goes."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(b"\0" * 65536)
        except OSError:
            return filler


def test_a_full_disk_is_said_at_the_start_and_a_start_with_room_makes_up_for_it(house):
    filler = _fill(house.home / "state")
    done = house.manage("run")
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "full" in done.stderr
    assert "make room" in done.stderr
    assert not house.remains()
    filler.unlink()
    house.open()
    _works_on_a_disk_that_fills_up(house)


def _works_on_a_disk_that_fills_up(house: House) -> None:
    buyer = house.caller("02")
    pack_id = buyer.get("/packs")["items"][0]["id"]
    acknowledged = [str(buyer.order(pack_id)["number"])]
    filler = _fill(house.home / "state")
    deadline = time.monotonic() + HEALED_S
    while (answer := _try(buyer, pack_id)) is not None:
        acknowledged.append(answer)
        assert time.monotonic() < deadline, "the disk never mattered; the test proves nothing"
    assert house.runs
    filler.unlink()
    while (answer := _try(buyer, pack_id)) is None:
        assert time.monotonic() < deadline, house.log.read_text()[-2000:]
        time.sleep(0.2)
    acknowledged.append(answer)
    assert set(acknowledged) <= {order["number"] for order in buyer.get("/orders", limit=100)["items"]}
    verified = house.manage("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _try(buyer: Caller, pack_id: str) -> str | None:
    """The number of an order that was taken and called off, or None while the house says that it cannot."""
    body = {"lines": [{"pack_id": pack_id, "quantity": 1}], "address": ADDRESS}
    answer = buyer.send("/orders", body)
    if answer.status_code == 201:
        number = str(answer.json()["number"])
        assert buyer.send(f"/orders/{number}/cancel").status_code in (200, 503)  # unpaid orders are bounded
        return number
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return None
