"""`viewers`: ms from the commit of a change to the last of 5,000 viewers in one process, p99 over the changes."""

import json
import os
import select
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._house import own_database

VIEWERS = int(os.environ.get("VIEWERS") or 5_000)
PER_ADDRESS = 250
CHANGES = 40
BAR_MS = 250.0
BAR_KB = 40.0
QUIET_S = 6.0
"""Until the number of viewers has been told to everybody."""
PORT = 18_400


def main() -> None:
    """Open the room, fill it, change the price again and again."""
    with own_database() as url:
        from core import clock, db
        from shop import offers
        from shop.live import LiveSession
        from shop.offers import LiveOffer
        from tests import make

        with db.transaction():
            room = make.live_session(now=clock.now())
            offer = make.live_offer(room, pack=make.live_pack(room, now=clock.now()), now=clock.now())
            offers.pin(room, offer.id, by=room.host_id, now=clock.now())
            room_id, offer_id, host_id = room.id, offer.id, room.host_id

        def change(price_minor: int) -> float:
            with db.transaction() as session:
                offers.reprice(
                    session.get_one(LiveOffer, offer_id), price_minor=price_minor, by=host_id, now=clock.now()
                )
            return time.perf_counter()

        with serving(url) as worker:
            empty_kb = memory_kb(worker)
            audience = Audience(f"/api/v1/live-sessions/{room_id}/stream")
            audience.wait(QUIET_S)
            full_kb = memory_kb(worker)
            spent = sorted(audience.last_after(change, 10_000 + number) for number in range(CHANGES))
        with db.transaction() as session:
            assert session.get_one(LiveSession, room_id).pinned_offer_id == offer_id
    report(spent, (full_kb - empty_kb) / VIEWERS)


def report(spent: list[float], kb: float) -> None:
    """One line of JSON."""
    p99_ms = spent[min(len(spent) - 1, int(len(spent) * 0.99))] * 1_000
    answer = {"name": "viewers", "value": round(p99_ms, 1), "unit": "ms", "bar": BAR_MS, "met": p99_ms <= BAR_MS}
    answer |= {"viewers": VIEWERS, "p50_ms": round(spent[len(spent) // 2] * 1_000, 1)}
    answer |= {"kb_a_viewer": round(kb, 1), "kb_bar": BAR_KB, "kb_met": kb <= BAR_KB}
    print(json.dumps(answer, ensure_ascii=False))


@contextmanager
def serving(url: str) -> Any:
    """The stream service as `run` starts it. Gives the process id of its worker."""
    env = os.environ | {"XIAOXIANG_DATABASE_URL": url, "XIAOXIANG_SERVICE": "stream", "XIAOXIANG_PORT": str(PORT - 1)}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
    with subprocess.Popen(command, env=env) as server:
        try:
            wait_for(f"http://127.0.0.1:{PORT}/healthz")
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            yield int(children[0])
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    """Until the service answers."""
    for _try in range(100):
        try:
            urllib.request.urlopen(url, timeout=1).read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the stream service did not start")


def memory_kb(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


class Audience:
    """All viewers in one loop, from as many addresses as the bound of streams an address asks for."""

    def __init__(self, path: str) -> None:
        self.poll = select.epoll()
        self.viewers: dict[int, socket.socket] = {}
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        for number in range(VIEWERS):
            viewer = socket.create_connection(
                ("127.0.0.1", PORT), source_address=(f"127.0.1.{1 + number // PER_ADDRESS}", 0)
            )
            viewer.sendall(request)
            viewer.setblocking(False)
            self.poll.register(viewer, select.EPOLLIN)
            self.viewers[viewer.fileno()] = viewer

    def wait(self, seconds: float) -> None:
        """Read whatever comes, until nothing has come for so long."""
        while events := self.poll.poll(seconds):
            for descriptor, _event in events:
                if not self.viewers[descriptor].recv(65_536):
                    raise SystemExit("a viewer was cut off")

    def last_after(self, change: Any, price_minor: int) -> float:
        """Seconds from the commit of a price to the last viewer who hears of it."""
        self.wait(0.2)
        committed = change(price_minor)
        word, waiting = f'"price_minor":{price_minor},'.encode(), set(self.viewers)
        while waiting:
            events = self.poll.poll(10)
            if not events:
                raise SystemExit(f"{len(waiting)} viewers heard nothing")
            for descriptor, _event in events:
                if word in self.viewers[descriptor].recv(65_536):
                    waiting.discard(descriptor)
        return time.perf_counter() - committed


if __name__ == "__main__":
    main()
