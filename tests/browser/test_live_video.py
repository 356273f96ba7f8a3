"""A host pushes a real picture: the right key is shown, a wrong one is not, and it ends with the session."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from core import video_server
from core.lifeline import die_with_parent
from tests.house import House

FFMPEG = shutil.which("ffmpeg")
INSTALL = "apt-get install nginx libnginx-mod-rtmp ffmpeg"
PICTURE = ["-re", "-f", "lavfi", "-i", "testsrc2=size=180x320:rate=10", "-f", "lavfi", "-i", "sine=frequency=330"]
CODED = "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 10 -c:a aac -b:a 32k -f flv".split()
SOON_S = 15


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house with a video server."""
    if video_server.find() is None or FFMPEG is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no video on this machine: {INSTALL}")
        pytest.skip(f"no video on this machine: {INSTALL}")
    found = House("--video")
    found.open()
    yield found
    found.close()


@pytest.fixture(scope="module")
def signed_in() -> dict[str | None, Any]:
    """Nobody has signed in to this house yet."""
    return {}


@pytest.fixture(scope="module")
def room(house: House) -> str:
    """The session that is on air in the demo world."""
    return str(house.caller("04").get("/live-sessions", status="on_air")["items"][0]["id"])


@contextmanager
def pushing(house: House, key: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A host's program."""
    address = f"rtmp://127.0.0.1:{house.port + 4}/live/{key}"
    program = subprocess.Popen(
        [str(FFMPEG), "-nostdin", "-loglevel", "error", *PICTURE, *CODED, address],
        stderr=subprocess.DEVNULL, preexec_fn=die_with_parent(),  # noqa: PLW1509  # from the main thread
    )  # fmt: skip
    try:
        yield program
    finally:
        program.kill()
        program.wait()


def until(so: Callable[[], object], within_s: float = SOON_S) -> None:
    deadline = time.monotonic() + within_s
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def at(page: Page) -> float:
    """How far the picture has come, in seconds."""
    return float(page.evaluate("document.querySelector('video').currentTime"))


def playlist(house: House, room: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{house.port + 3}/hls/{room.replace('-', '')}.m3u8", timeout=5)


def test_a_host_is_seen_goes_comes_back_and_leaves_with_the_session(
    house: House, room: str, visit: Callable[..., Page]
) -> None:
    console = visit("04", f"/host/{room}")
    key = console.locator("#push-key").input_value()
    assert console.locator("#push-server").input_value() == f"rtmp://127.0.0.1:{house.port + 4}/live"
    assert playlist(house, room).status_code == 204
    page = visit(None, f"/live/{room}")
    picture = page.locator("[data-picture]")
    expect(picture).to_be_hidden()

    with pushing(house, key[:-2] + "xx") as wrong:
        until(lambda: wrong.poll() is not None)
        assert wrong.returncode != 0
        assert playlist(house, room).status_code == 204

    with pushing(house, key) as right:
        until(lambda: playlist(house, room).status_code == 200)
        shown = playlist(house, room)
        assert shown.headers["Access-Control-Allow-Origin"] == "*"
        assert key not in shown.text
        fragment = re.findall(r"^\w+-\d+\.ts$", shown.text, re.MULTILINE)[-1]
        seconds = requests.get(shown.url.rpartition("/")[0] + "/" + fragment, timeout=5)
        assert (seconds.status_code, seconds.headers["Content-Type"]) == (200, "video/mp2t")
        assert seconds.content[:1] == b"G"

        expect(picture).to_be_visible()
        until(lambda: at(page) > 0.2)
        began = at(page)
        until(lambda: at(page) > began + 1)
        assert page.evaluate("document.querySelector('video').muted")
        page.locator("[data-sound]").click()
        assert not page.evaluate("document.querySelector('video').muted")
        console.reload()
        expect(console.locator("#push")).to_contain_text("有画面")
        console.locator("#push summary").click()
        for shown_page in (page, console):
            assert Axe().run(shown_page).response["violations"] == []
        assert right.poll() is None
    expect(picture).to_be_hidden()

    with pushing(house, key) as again:
        expect(picture).to_be_visible()
        assert not page.evaluate("document.querySelector('video').muted")
        house.caller("04").post(f"/live-sessions/{room}/end")
        until(lambda: again.poll() is not None)
    with pushing(house, key) as late:
        until(lambda: late.poll() is not None)
    log = (house.home / "state" / "logs" / "video.log").read_text()
    assert key not in log
    assert key[-26:] not in log


def test_a_killed_video_server_comes_back_and_a_killed_house_leaves_none(house: House) -> None:
    def family() -> set[int]:
        """nginx and its children, which do not show whose they are."""
        masters = [pid for pid, words in house.remains().items() if "nginx: master process" in words]
        return set(masters).union(*map(children, masters))

    before = family()
    assert len(before) > 1
    os.kill(next(pid for pid in before if children(pid)), signal.SIGKILL)
    until(lambda: len(family() - before) > 1)
    assert not any(map(lives, before))
    after = family()
    house.kill()
    assert house.gone(8)
    until(lambda: not any(map(lives, after)))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
