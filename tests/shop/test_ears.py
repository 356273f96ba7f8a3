"""Words on the lines of a room: at once where the line takes them, and never mixed where it does not."""

import socket
from collections.abc import Iterator

import pytest

from shop import stream
from shop.audience import Room
from shop.ears import Ear, Line, line_of

WORD = b"id: 1\ndata: {}\n\n"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end, which never waits as in a gevent worker, and the viewer's."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5)
    with ours, theirs:
        yield ours, theirs


def fill(ours: socket.socket) -> int:
    """Nothing more goes in; gives how much did."""
    filled = 0
    while True:
        try:
            filled += ours.send(b"x" * 65_536)
        except BlockingIOError:
            return filled


def test_a_word_goes_down_a_free_line_at_once_and_nobody_is_woken(pair):
    ours, theirs = pair
    ear = Ear("0", Line(ours, chunked=False))
    assert ear.hear("1", WORD)
    assert (ear.seen, ear.rest) == ("1", b"")
    assert theirs.recv(100) == WORD


def test_a_word_of_a_chunked_answer_is_a_chunk(pair):
    ours, theirs = pair
    assert Ear("0", Line(ours, chunked=True)).hear("1", WORD)
    assert theirs.recv(100) == b"10\r\n" + WORD + b"\r\n"


def test_what_a_full_line_does_not_take_is_sent_by_its_own_thread_and_whole(pair):
    ours, theirs = pair
    ear = Ear("0", Line(ours, chunked=False))
    filled = fill(ours)
    assert not ear.hear("1", WORD)
    assert (ear.seen, ear.rest) == ("1", WORD)
    while filled:
        filled -= len(theirs.recv(min(filled, 65_536)))
    assert ear.settle()
    assert theirs.recv(100) == WORD
    assert not ear.settle()


def test_a_part_that_was_taken_is_not_sent_again(pair):
    ours, theirs = pair
    ear = Ear("0", Line(ours, chunked=False))
    long = b"y" * 4_000_000
    assert not ear.hear("1", long)
    assert 0 < len(ear.rest) < len(long)
    assert len(theirs.recv(1 << 22)) + len(ear.rest) <= len(long)


def test_who_is_gone_is_left_to_his_own_thread(pair):
    ours, theirs = pair
    theirs.close()
    ear = Ear("0", Line(ours, chunked=False))
    assert not ear.hear("1", WORD)
    assert ear.seen == "0"


def test_only_a_gevent_socket_is_written_to_from_elsewhere(pair):
    ours, _theirs = pair
    assert line_of({"SERVER_PROTOCOL": "HTTP/1.1"}) is None
    assert line_of({"SERVER_PROTOCOL": "HTTP/1.1", "gunicorn.socket": ours}) is None


def test_who_never_reads_is_woken_once_and_holds_up_nobody(pair):
    ours, _theirs = pair
    fill(ours)
    room, stuck = Room(), Ear("", Line(ours, chunked=False))
    room._waiting.add(stuck)
    for left in range(3):
        room.tell({"status": "on_air", "left": left}, at=0)
    assert stuck.news.is_set()
    assert stuck not in room._waiting
    assert len(stuck.rest) < 200


def test_the_last_word_that_a_full_line_did_not_take_still_ends_the_stream(pair):
    ours, theirs = pair
    filled = fill(ours)
    room, ear = Room(), Ear("", Line(ours, chunked=False))
    words = stream.watch(room, ear)
    next(words)
    room._waiting.add(ear)
    room.tell({"status": "ended", "pinned": None}, at=0)
    while filled:
        filled -= len(theirs.recv(min(filled, 65_536)))
    assert list(words) == []
    assert b'"status":"ended"' in theirs.recv(1_000)
