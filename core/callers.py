"""Who is calling, and what this process remembers of open sessions, so that a request need not ask the database.

An ended session is dead within a second in every process. While the listener hears, its news arrives at once and a
memory is trusted for half a minute; without a listener, or when its line is silent, for no longer than a second.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.permissions import Permission, Role

HEARING_S = 30.0
"""How long a memory is trusted while this process hears at once which sessions end."""
DEAF_S = 1.0
"""How long otherwise; also how long one proof that the line works holds."""
REMEMBERED_MAX = 20_000


@dataclass(frozen=True)
class Who:
    """The caller, as rules get to know him."""

    user_id: UUID
    roles: frozenset[Role]
    name: str
    language: str
    elder: bool
    permissions: frozenset[Permission]

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


class Question(NamedTuple):
    """The moment at which the table of sessions was asked."""

    at_s: float
    news: int
    """How many pieces of news this process had heard by then."""


class _Memory:
    def __init__(self) -> None:
        self.known: dict[bytes, tuple[float, datetime, Who]] = {}
        self.news = 0
        self.hearing_until_s = 0.0
        self.lock = threading.Lock()


_memory = _Memory()


def remembered(digest: bytes, *, now: datetime) -> Who | None:
    """The person behind the hash of a token; None when the table has to be asked."""
    known = _memory.known.get(digest)
    if known is None:
        return None
    asked_s, until, who = known
    moment = time.monotonic()
    trusted_s = HEARING_S if moment < _memory.hearing_until_s else DEAF_S
    return who if moment - asked_s < trusted_s and now < until else None


def question() -> Question:
    """Take this before the table is asked, and hand it to `remember`."""
    return Question(time.monotonic(), _memory.news)


def remember(digest: bytes, who: Who, *, until: datetime, question: Question) -> None:
    """Keep what the table answered, the oldest given up first.

    Not when news came in between: it could be of just this session, and would be forgotten before it is remembered.
    """
    with _memory.lock:
        if question.news != _memory.news:
            return
        _memory.known.pop(digest, None)
        if len(_memory.known) >= REMEMBERED_MAX:
            del _memory.known[next(iter(_memory.known))]
        _memory.known[digest] = (question.at_s, until, who)


def forget(digest_hex: str) -> None:
    """Drop one session; the listener calls it when another process ended it."""
    with _memory.lock:
        _memory.news += 1
        _memory.known.pop(bytes.fromhex(digest_hex), None)


def forget_all() -> None:
    """Drop everything, as after a lost connection to the database."""
    with _memory.lock:
        _memory.news += 1
        _memory.known.clear()


def hearing(moment_s: float) -> None:
    """All news up to this moment of the monotonic clock was heard; the listener says so several times a second."""
    _memory.hearing_until_s = moment_s + DEAF_S
