"""`page`: ms for the product page as a stranger reads it, p50 on one connection; yardstick: an empty Flask page.

Both are served by gunicorn as `run` does it, in turns of one page each, so that whatever else the machine does strikes
both alike. `signed_in` is the same page for a buyer who has signed in.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._house import own_database

PAGES = 600
WARM_UP = 60
BAR = 3.0
PORT = 18_760
EMPTY_PORT = 18_770
STRANGER: Mapping[str, str] = {}
ROOT = Path(__file__).resolve().parent.parent


def measure() -> dict[str, Any]:
    """The page of a product with three packs and a lot, beside the empty one."""
    with own_database() as url:
        product_id, cookie = _product(), _cookie()
        with _served("benchmarks._served:app", PORT, url), _served("benchmarks._empty:app", EMPTY_PORT, url):
            house, empty = (http.client.HTTPConnection("127.0.0.1", port, timeout=10) for port in (PORT, EMPTY_PORT))
            pages, signed_in, yardstick = [], [], []
            for number in range(WARM_UP + PAGES):
                spent, size = _read(house, f"/products/{product_id}")
                beside, _size = _read(empty, "/")
                known, _size = _read(house, f"/products/{product_id}", {"Cookie": cookie})
                if number >= WARM_UP:
                    pages.append(spent)
                    yardstick.append(beside)
                    signed_in.append(known)
    value, against = statistics.median(pages), statistics.median(yardstick)
    return {
        "name": "page",
        "value": round(value, 2),
        "unit": "ms",
        "yardstick": round(against, 2),
        "ratio": round(value / against, 2),
        "bar": BAR,
        "met": value / against <= BAR,
        "signed_in": round(statistics.median(signed_in), 2),
        "bytes": size,
    }


def _product() -> str:
    from core import clock, db
    from tests import make

    now = clock.now()
    with db.transaction():
        product = make.product(now=now)
        for name, net_g, fen in (
            ("3斤装(净重)", 1_500, 1_990),
            ("5斤装(净重)", 2_500, 2_990),
            ("10斤装", 5_000, 5_680),
        ):
            make.pack(product=product, name=name, net_g=net_g, price_minor=fen, now=now)
        make.lot(product=product, now=now)
        return str(product.id)


def _cookie() -> str:
    """The browser of a buyer who has signed in."""
    from core import auth, clock, db
    from tests import make

    with db.transaction():
        token = auth.open_login(make.user(), agent="benchmark", now=clock.now())
    return f"{auth.cookie_name()}={token}"


def _read(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str] = STRANGER
) -> tuple[float, int]:
    """Milliseconds and bytes of one page."""
    started = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    spent = (time.perf_counter() - started) * 1_000
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status}")
    return spent, len(body)


@contextmanager
def _served(app: str, port: int, url: str) -> Iterator[None]:
    """Gunicorn as the house starts it."""
    found = os.environ | {"XIAOXIANG_DATABASE_URL": url, "DATABASE_URL": url, "XIAOXIANG_PORT": str(port)}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", app]
    with subprocess.Popen(command, cwd=ROOT, env=found) as server:
        try:
            _wait(port)
            yield
        finally:
            server.terminate()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing answers on port {port}")


if __name__ == "__main__":
    print(json.dumps(measure(), ensure_ascii=False))
