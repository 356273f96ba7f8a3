"""The relay: a few streams through the web service, the way to the stream service for everybody else."""

import threading

import pytest
from werkzeug.serving import make_server

from shop import relay
from tests import make

pytestmark = pytest.mark.no_db
EVENTS = b"retry: 3000\n\n", b'id: 1\ndata: {"status":"on_air"}\n\n', b": still here\n\n"


@pytest.fixture
def port():
    """A stream service that tells three things and ends; it says which id it was asked to go on from."""

    def service(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream"), ("X-Secret", "inside")])
        return [*EVENTS, b"data: " + environ.get("HTTP_LAST_EVENT_ID", "").encode() + b"\n\n"]

    server = make_server("127.0.0.1", 0, service, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()


def ask(port, seen=""):
    return relay.stream(make.missing_id(), host="shop.example", port=port, last_event_id=seen)


def test_a_stream_is_passed_on_event_by_event(port):
    answer = ask(port, seen="abc")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert "X-Secret" not in answer.headers
    assert list(answer.response) == [*EVENTS, b"data: abc\n\n"]
    answer.close()


def test_beyond_the_bound_the_way_to_the_stream_service_is_told(port):
    open_streams = [ask(port) for _one in range(relay.RELAYED_MAX)]
    sent_on = ask(port)
    assert sent_on.status_code == 307
    assert sent_on.headers["Location"].startswith(f"http://shop.example:{port}/api/v1/live-sessions/")
    for answer in open_streams:
        answer.close()
    freed = ask(port)
    assert freed.status_code == 200
    freed.close()


def test_a_service_that_is_away_takes_no_place():
    for _one in range(relay.RELAYED_MAX + 1):
        assert ask(1).status_code == 307


def test_a_relayed_stream_is_short(port, monkeypatch):
    monkeypatch.setattr(relay, "LIFE_S", 0.0)
    answer = ask(port)
    assert list(answer.response) == [EVENTS[0]]
    answer.close()
