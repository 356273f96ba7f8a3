"""The audience: viewers who wait in their rooms for news, any number of them on one connection to the database.

A viewer has one slot, the room's newest state: who reads slowly skips what is old and holds up nobody.
"""

import json
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from core import clock, db
from core.errors import TooMany
from core.i18n import _
from core.notify import listen
from core.problems import Busy
from shop import rooms
from shop.ears import Ear
from shop.live import CHANNEL, SessionStatus

log = logging.getLogger(__name__)

REFRESH_S = 0.05
"""A room is looked up at most so often, however fast it sells."""
LOOK_AGAIN_S = 2.0
"""Rooms with viewers are looked up so often even without news: the shop window sells from the same lots."""
RECOUNT_S = 5.0
"""A mere change in the number of viewers is told at most so often."""
VIEWERS_MAX = 6_000
VIEWERS_PER_ADDRESS_MAX = 300
VIEWERS_PER_SESSION_MAX = 3
"""Streams of one signed-in browser or program; who has not signed in counts for his address only."""
BREATH = 500
"""After so many lines everybody else of the process has a turn."""
RETRY_S = 10
FIRST_LOOK_S = 5.0
"""So long newcomers wait for the one of them who looks their room up."""


class TooManyStreams(TooMany):
    """This process, this address or this signed-in session follows as many rooms as it may."""

    message = _("看直播的人太多了，请 {retry_after} 秒后再试。")


@dataclass(frozen=True)
class State:
    """What a room last told: its facts, its words on the wire with their id, and whether more may come."""

    facts: dict[str, Any] | None
    event_id: str = ""
    event: bytes = b""
    last: bool = False


class Room:
    """One live session. Its state is replaced whole, so that it is read without a lock."""

    def __init__(self) -> None:
        self.state = State(None)
        self.viewers = 0
        self.first_look = threading.Lock()
        self._waiting: set[Ear] = set()
        self._counted = 0
        self._told_at = 0.0

    def tell(self, facts: dict[str, Any] | None, *, at: float) -> None:
        """Wake the viewers if something is new for them. `at` is in seconds of any steady clock."""
        recount = self.viewers != self._counted and at - self._told_at >= RECOUNT_S
        if self.state.event and facts == self.state.facts and not recount:
            return
        self._counted, self._told_at = self.viewers, at
        event_id, event = _encode({**(facts or {}), "viewers": self.viewers})
        last = facts is None or facts["status"] == SessionStatus.ENDED
        self.state = State(facts, event_id, event, last)
        self._spread(self.state)

    def _spread(self, state: State) -> None:
        """Put the word on the lines of all who wait, and wake those who have to see to it themselves."""
        for turn, ear in enumerate(tuple(self._waiting), 1):
            if ear in self._waiting and (not ear.hear(state.event_id, state.event) or state.last):
                self._waiting.discard(ear)
                ear.news.set()
            if turn % BREATH == 0:
                time.sleep(0)
                if self.state is not state:
                    return  # a newer word is on its way to everybody

    def wait(self, ear: Ear, timeout_s: float) -> State:
        """The newest state; waits while that is the one already heard."""
        ear.news.clear()
        self._waiting.add(ear)
        try:
            if self.state.event_id == ear.seen:
                ear.news.wait(timeout_s)
        finally:
            self._waiting.discard(ear)
        return self.state


class Audience:
    """All rooms that have viewers in this process."""

    def __init__(self) -> None:
        self.rooms: dict[UUID, Room] = {}
        self.viewers = 0
        self._by_address: dict[str, int] = {}
        self._by_session: dict[str, int] = {}
        self._stale: set[UUID] = set()
        self._news = threading.Event()

    def follow(self) -> None:
        """Listen to the database and look up what changed, for as long as the process lives."""
        listen([CHANNEL], heard=self._heard, lost=self._lost)
        threading.Thread(target=self._look_forever, name="rooms", daemon=True).start()

    def enter(self, session_id: UUID, address: str, signed_in: str = "") -> Room:
        """One viewer more; `signed_in` tells his log-in from others, where he has one. Raises TooManyStreams."""
        here, his = self._by_address.get(address, 0), self._by_session.get(signed_in, 0)
        if self.viewers >= VIEWERS_MAX or here >= VIEWERS_PER_ADDRESS_MAX or his >= VIEWERS_PER_SESSION_MAX:
            raise TooManyStreams(retry_after=RETRY_S)
        self.viewers += 1
        self._by_address[address] = here + 1
        if signed_in:
            self._by_session[signed_in] = his + 1
        room = self.rooms.setdefault(session_id, Room())
        room.viewers += 1
        return room

    def welcome(self, session_id: UUID, room: Room) -> None:
        """Make sure that the room has a state; of a crowd that comes at once, one asks the database. Raises Busy."""
        if room.state.event:
            return
        if not room.first_look.acquire(timeout=FIRST_LOOK_S):
            raise Busy()
        try:
            if not room.state.event:
                self.look([session_id])
        except SQLAlchemyError as trouble:
            raise Busy() from trouble
        finally:
            room.first_look.release()

    def leave(self, session_id: UUID, address: str, signed_in: str = "") -> None:
        """One viewer less; an empty room is forgotten."""
        self.viewers -= 1
        _one_less(self._by_address, address)
        if signed_in:
            _one_less(self._by_session, signed_in)
        room = self.rooms[session_id]
        room.viewers -= 1
        if not room.viewers:
            del self.rooms[session_id]

    def look(self, session_ids: Iterable[UUID]) -> None:
        """Read those of these rooms that have viewers, and tell them."""
        wanted = {session_id: self.rooms[session_id] for session_id in session_ids if session_id in self.rooms}
        if not wanted:
            return
        with db.transaction():
            found = rooms.now_showing(wanted, now=clock.now())
        for session_id, room in wanted.items():
            room.tell(found.get(session_id), at=time.monotonic())

    def _heard(self, _channel: str, payload: str) -> None:
        self._stale.add(UUID(payload))
        self._news.set()

    def _lost(self) -> None:
        self._stale.update(self.rooms)
        self._news.set()

    def _look_forever(self) -> None:
        looked_at_all = time.monotonic()
        while True:
            self._news.wait(LOOK_AGAIN_S)
            self._news.clear()
            stale, self._stale = self._stale, set()
            if time.monotonic() - looked_at_all >= LOOK_AGAIN_S:
                stale, looked_at_all = set(self.rooms), time.monotonic()
            try:
                self.look(stale)
            except SQLAlchemyError as trouble:
                log.warning("rooms could not be read, trying again: %s", type(trouble).__name__)
                self._stale |= stale
            time.sleep(REFRESH_S)


def _encode(facts: dict[str, Any]) -> tuple[str, bytes]:
    """Id and event of a state. The id is a digest, so that every process knows it when a viewer comes back with it."""
    data = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    event_id = blake2b(data.encode(), digest_size=8).hexdigest()
    return event_id, f"id: {event_id}\ndata: {data}\n\n".encode()


def _one_less(counts: dict[str, int], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
