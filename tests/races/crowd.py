"""A crowd in processes of its own: each has an intake, as a serving process has, and many threads that order."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple
from uuid import UUID

from core import db
from core.errors import Refusal
from orders.claims import Claim, ClaimLine, Key
from orders.intake import AnswerLate, HouseFull, Intake
from orders.placed import Placed
from tests import make
from tests.make.shop import MORNING

THREADS = 32
PATIENCE_S = 30
_processes = get_context("forkserver")
_processes.set_forkserver_preload(["tests.races.crowd"])


class Wish(NamedTuple):
    """What one buyer asks for: offers with their quantities, under a key."""

    key: str
    buyer_id: UUID
    lines: tuple[tuple[UUID, int], ...]


class Answer(NamedTuple):
    """What became of a wish: the order's number, or the name of what stood against it."""

    key: str
    number: str
    refused: str


def claim(wish: Wish) -> Claim:
    """The wish as a house takes it."""
    key = sha256(wish.key.encode()).digest()
    lines = tuple(ClaimLine(quantity, offer_id=offer_id) for offer_id, quantity in wish.lines)
    return Claim(wish.buyer_id, lines, make.address(), key=Key(key[:16], key[16:]))


@contextmanager
def crowd(url: str, wishes: Sequence[Wish]) -> Iterator[tuple[BaseProcess, Iterator[Answer]]]:
    """A process that asks for all of them, and its answers as they come; they end when it does."""
    ours, theirs = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_ask_all, args=(url, list(wishes), theirs))
    process.start()
    theirs.close()
    try:
        yield process, _heard(ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _heard(line: Connection) -> Iterator[Answer]:
    while True:
        try:
            yield line.recv()
        except (EOFError, OSError):
            return


def _ask_all(url: str, wishes: Sequence[Wish], line: Connection) -> None:
    db.connect(url, pool_size=1)
    door, saying = Intake(db.make_engine(url, pool_size=1), now=lambda: MORNING), threading.Lock()

    def ask(wish: Wish) -> None:
        answer = _until_told(door, wish)
        with saying:
            line.send(answer)

    with ThreadPoolExecutor(THREADS) as hands:
        for done in [hands.submit(ask, wish) for wish in wishes]:
            done.result()
    door.close()


def _until_told(door: Intake, wish: Wish) -> Answer:
    """As a client does: what is not known yet is asked again under the same key."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            placed: Placed = door.ask(claim(wish))
        except (AnswerLate, HouseFull) as late:
            if time.monotonic() > until:
                return Answer(wish.key, "", type(late).__name__)
            time.sleep(0.05)
        except Refusal as refusal:
            return Answer(wish.key, "", type(refusal).__name__)
        except Exception as fault:  # noqa: BLE001  # whatever it is, the test has to hear of it
            return Answer(wish.key, "", f"{type(fault).__name__}: {fault}")
        else:
            return Answer(wish.key, placed.number, "")
