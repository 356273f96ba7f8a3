"""Intake: the door through which orders come in, however many at once: a group commit in the application.

Whoever asks puts his claim into the queue of his process and waits. One taker takes all that wait, places them in one
transaction with the statements of a single order, commits, and only then answers each. What comes in meanwhile is the
next set: alone nobody waits for others, and in a crowd the cost of a commit is shared.

When somebody else was faster with the last of the stock, the set is looked at again; when the database refuses a set,
its halves are tried apart, so that one bad claim never spoils another. A set whose commit may or may not have come
through is sent again: the keys of its claims find what was placed.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from core import clock, metrics
from core.db import transaction
from core.errors import Refusal
from core.i18n import _
from core.once import StillRunning
from orders import checkout, placed
from orders.claims import Claim
from orders.placed import Outcome, Placed
from orders.sold_out import SoldOut

log = logging.getLogger("xiaoxiang.intake")

SET_MAX = 128
"""So many claims go into one transaction at most."""
QUEUE_MAX = 2_000
"""So many may wait in one process; more are sent away at once, before they make the others late."""
LOOKS = 3
"""So often a set is looked at again because somebody else was faster, before its halves are tried apart."""
ANSWER_S = 15.0
OUTAGE_S = 4.0
"""So long the database is tried again when it went away; those who wait are told the truth afterwards."""
PAUSE_S = 0.2

Answer = Placed | Exception
"""What a caller gets: his order, what stands against it, or the fault that came of it."""


class HouseFull(Refusal):
    """More people order than can be served at this moment; nothing happened."""

    status = 503
    message = _("抢的人太多了，请 {retry_after} 秒后再试。没有下单，也没有扣款。")


class AnswerLate(Refusal):
    """The order may have been placed or not: the same request, sent again, tells."""

    status = 503
    message = _("还没有结果，请 {retry_after} 秒后原样再试一次，不会重复下单。")


@dataclass
class _Waiting:
    """A claim in the queue, and the caller behind it."""

    claim: Claim
    done: threading.Lock = field(default_factory=threading.Lock)
    outcome: Answer | None = None
    gone: bool = False
    """The caller has stopped waiting: what was not begun for him is not begun any more."""

    def __post_init__(self) -> None:
        self.done.acquire()

    def answer(self, outcome: Answer) -> None:
        self.outcome = outcome
        self.done.release()


class Intake:
    """The queue of one process and its taker."""

    def __init__(self, engine: Engine, *, queue_max: int = QUEUE_MAX, now: Callable[[], datetime] = clock.now) -> None:
        """`engine` is the taker's own: callers may hold all other connections while they wait for it."""
        self._engine = engine
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._queue_max = queue_max
        self._now = now
        self._asked: set[tuple[UUID, bytes]] = set()
        self._sold_out = SoldOut()
        self._taker = threading.Thread(target=self._take, name="intake", daemon=True)
        self._taker.start()

    def ask(self, claim: Claim) -> Placed:
        """Place an order; returns when it is durable.

        Raises what stands against the claim, StillRunning when the same key is being worked on, HouseFull when too many
        wait, and AnswerLate when nothing was heard in 15 s.
        """
        if self._queue.qsize() >= self._queue_max:
            raise HouseFull(retry_after=2)
        known = (claim.buyer_id, claim.key.name) if claim.key else None
        if known is not None:
            if known in self._asked:
                raise StillRunning()
            self._asked.add(known)
        try:
            return self._ask(_Waiting(claim))
        finally:
            if known is not None:
                self._asked.discard(known)

    def close(self) -> None:
        """Work what waits and end the taker."""
        self._queue.put(None)
        self._taker.join(ANSWER_S)
        self._engine.dispose()

    def _ask(self, waiting: _Waiting) -> Placed:
        self._queue.put(waiting)
        if not waiting.done.acquire(timeout=ANSWER_S):
            waiting.gone = True
            raise AnswerLate(retry_after=2)
        if isinstance(waiting.outcome, Placed):
            return waiting.outcome
        raise waiting.outcome or AssertionError("answered with nothing")

    def _take(self) -> None:
        """Until told to end: take all that wait, work them, answer each."""
        ending = False
        while not ending:
            taken = [self._queue.get()]
            with suppress(Empty):
                while len(taken) < SET_MAX:
                    taken.append(self._queue.get_nowait())
            ending = None in taken
            waiting = [one for one in taken if one is not None and not one.gone]
            if waiting:
                metrics.intake_set.observe(len(waiting))
                for one, outcome in zip(waiting, self._outcomes([one.claim for one in waiting]), strict=True):
                    one.answer(outcome)

    def _outcomes(self, claims: Sequence[Claim]) -> list[Answer]:
        """What becomes of each claim, whatever happens."""
        try:
            return self._work(claims)
        except (OperationalError, InterfaceError):
            log.exception("the database did not take a set of %d claims", len(claims))
            return [AnswerLate(retry_after=2) for _claim in claims]
        except Exception as wrong:
            log.exception("a set of %d claims could not be worked", len(claims))
            return [wrong] if len(claims) == 1 else self._halves(claims)

    def _work(self, claims: Sequence[Claim]) -> list[Answer]:
        """One transaction, repeated while that may help."""
        looks, until = LOOKS, time.monotonic() + OUTAGE_S
        while looks:
            try:
                with transaction(self._engine):
                    return [*self._place(claims)]
            except Refusal as refusal:  # somebody else was faster: the next look sees what is left
                looks -= 1
                if len(claims) == 1 and not looks:
                    return [refusal]
            except (OperationalError, InterfaceError):
                if time.monotonic() > until:
                    raise
                time.sleep(PAUSE_S)
        return self._halves(claims)

    def _place(self, claims: Sequence[Claim]) -> list[Outcome]:
        """Those who ask for what was sold out a moment ago are only looked up; the others are placed."""
        against = {index: self._sold_out.against(claim) for index, claim in enumerate(claims)}
        refused: dict[int, Outcome] = {index: refusal for index, refusal in against.items() if refusal}
        free = [index for index in against if index not in refused]
        outcomes = refused | placed.again({index: claims[index] for index in refused})
        if free:
            outcomes |= zip(free, checkout.place([claims[index] for index in free], now=self._now()), strict=True)
        for index in free:
            self._sold_out.learn(claims[index], outcomes[index])
        return [outcomes[index] for index in range(len(claims))]

    def _halves(self, claims: Sequence[Claim]) -> list[Answer]:
        half = len(claims) // 2
        return self._outcomes(claims[:half]) + self._outcomes(claims[half:])


_open: list[Intake] = []


def start(engine: Engine) -> None:
    """Open the intake of this process."""
    _open[:] = [Intake(engine)]


def ask(claim: Claim, *, now: datetime) -> Placed:
    """Place an order by the intake of this process; without one (a command, a test) in the caller's own transaction.

    Raises as `Intake.ask` does.
    """
    return _open[0].ask(claim) if _open else checkout.place_one(claim, now=now)
