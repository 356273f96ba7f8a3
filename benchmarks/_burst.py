"""One hot offer in a live room, and the house that serves it: what the benchmarks of the burst share."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from sqlalchemy import text

from benchmarks._client import Run, drive, request
from benchmarks._house import own_database

PORT = 18_730
ROOT = Path(__file__).resolve().parent.parent
ADDRESS = {"name": "王小明", "phone": "13800001234", "region_code": "430104001", "detail": "麓山南路2号"}
PACK_G = 2_500
_turn = count()
_named = count()


@dataclass(frozen=True)
class Sale:
    """A house that is up, with buyers signed in and one offer on sale."""

    url: str
    tokens: list[str]
    offer_id: str

    def order(self, how_many: int, *, clients: int, quantity: int = 1) -> Run:
        """So many orders, each of the next buyer."""
        wish = {"lines": [{"offer_id": self.offer_id, "quantity": quantity}], "address": ADDRESS}
        body = json.dumps(wish).encode()
        return drive(
            PORT,
            (
                request("/api/v1/orders", self._next(), body, f"bench-order-{next(_named):010d}")
                for _each in range(how_many)
            ),
            clients=clients,
        )

    def empty(self, how_many: int, *, clients: int) -> Run:
        """The yardstick: so many empty authenticated POSTs on the same workers."""
        return drive(PORT, (request("/empty", self._next()) for _each in range(how_many)), clients=clients)

    def figures(self) -> tuple[int, int, int]:
        """From the database: packs held of the offer, packs held of the lot, orders."""
        from core import db

        question = text(f"SELECT (SELECT held FROM live_offers), (SELECT held_g / {PACK_G} FROM harvest_lots), "
                        "(SELECT count(*) FROM orders)")  # fmt: skip
        with db.transaction() as session:
            offer, lot, orders = session.execute(question).one()
        return offer, lot, orders

    def _next(self) -> str:
        return self.tokens[next(_turn) % len(self.tokens)]


@contextmanager
def sale(*, buyers: int, pool: int) -> Iterator[Sale]:
    """A house of its own, served by gunicorn as `run` does, warm on both kinds of request."""
    from core import auth, clock, db

    with own_database() as url:
        from tests import make

        now = clock.now()
        with db.transaction():
            room = make.live_session(now=now)
            pack = make.live_pack(room, low_g=2 * PACK_G * pool, now=now)
            offer = make.live_offer(room, pack=pack, pool=pool, now=now)
            tokens = [auth.open_login(make.user(), agent="bench", now=now) for _buyer in range(buyers)]
            made = Sale(url, tokens, str(offer.id))
        with served(url):
            made.empty(len(tokens), clients=64)
            yield made


@contextmanager
def served(url: str) -> Iterator[None]:
    """Gunicorn as the house starts it, on a port of the benchmarks."""
    found = os.environ | {"DATABASE_URL": url, "XIAOXIANG_PORT": str(PORT), "XIAOXIANG_WORLD": "demo"}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "benchmarks._served:app"]
    server = subprocess.Popen(command, cwd=ROOT, env=found)
    try:
        _wait()
        yield
    finally:
        server.terminate()
        server.wait(10)


def _wait() -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            with urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError("the house did not answer within 30 s")
