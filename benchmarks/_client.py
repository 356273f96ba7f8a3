"""A lean HTTP client: many connections kept alive on one thread, so that it takes little of the machine it measures."""

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Caller:
    """One connection with its request under way."""

    place: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Run:
    """What came back: statuses counted, and how long each answer took, sorted."""

    seconds: float
    statuses: dict[int, int]
    waits_s: list[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / self.seconds

    def wait_ms(self, share: float) -> float:
        """The wait that this share of answers stayed within."""
        return self.waits_s[min(len(self.waits_s) - 1, int(share * len(self.waits_s)))] * 1000


def request(path: str, token: str, body: bytes = b"", key: str = "") -> bytes:
    """A POST as bytes."""
    named = f"Idempotency-Key: {key}\r\n" if key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n{named}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def drive(port: int, requests: Iterator[bytes], *, clients: int) -> Run:
    """Send all requests over so many connections, each as soon as the one before it is answered."""
    poll = selectors.DefaultSelector()
    statuses: dict[int, int] = {}
    waits: list[float] = []
    started = time.perf_counter()
    for _client in range(clients):
        caller = Caller(socket.create_connection(("127.0.0.1", port)))
        caller.place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _send(caller, requests):
            poll.register(caller.place, selectors.EVENT_READ, caller)
    while poll.get_map():
        for ready, _mask in poll.select(10):
            caller = ready.data
            caller.received += caller.place.recv(65_536)
            status = _answered(caller)
            if status:
                statuses[status] = statuses.get(status, 0) + 1
                waits.append(time.perf_counter() - caller.sent_at)
                if not _send(caller, requests):
                    poll.unregister(caller.place)
                    caller.place.close()
    return Run(time.perf_counter() - started, statuses, sorted(waits))


def _send(caller: Caller, requests: Iterator[bytes]) -> bool:
    wanted = next(requests, None)
    if wanted is None:
        return False
    caller.received.clear()
    caller.sent_at = time.perf_counter()
    caller.place.sendall(wanted)
    return True


def _answered(caller: Caller) -> int:
    """The status once the answer is whole, else 0."""
    head, end, body = bytes(caller.received).partition(b"\r\n\r\n")
    if not end:
        return 0
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return int(head[9:12]) if len(body) >= length else 0
