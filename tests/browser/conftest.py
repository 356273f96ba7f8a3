"""A real browser on the whole product. Where one must be there (CI) and is not, the tests fail; else they skip."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.house import PASSWORD, House

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT_MS = 15_000
PHONE = {"width": 360, "height": 760}
DESK = {"width": 1280, "height": 900}
FLAGS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All browser tests of a run share one house, so they stay on one worker and need no database of their own."""
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.no_db)
            item.add_marker(pytest.mark.xdist_group("house"))


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """The product with a fresh demo world."""
    found = House()
    found.start()
    yield found
    found.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, driven by Playwright."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no chromium on this machine: apt-get install chromium")
        pytest.skip("no chromium on this machine: apt-get install chromium")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def signed_in() -> dict[str | None, Any]:
    """Cookies of the people who have signed in: each does so once a run, as the log-in allows ten tries."""
    return {}


@pytest.fixture
def visit(house: House, browser: Browser, signed_in: dict[str | None, Any]) -> Iterator[Callable[..., Page]]:
    """Open a page as a person: `visit("02", "/orders")`, on a phone unless said otherwise; nobody without a tail."""
    opened: list[BrowserContext] = []
    size = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai"}

    def go(tail: str | None, path: str = "/", *, desk: bool = False, scripts: bool = True) -> Page:
        context = browser.new_context(
            viewport=DESK if desk else PHONE, java_script_enabled=scripts, storage_state=signed_in.get(tail), **size
        )
        context.set_default_timeout(WAIT_MS)
        opened.append(context)
        page = context.new_page()
        if tail is not None and tail not in signed_in:
            page.goto(house.url + "/login")
            page.fill("#phone", f"139000000{tail}")
            page.fill("#password", PASSWORD)
            page.click("main button.btn")
            page.wait_for_url(lambda url: "/login" not in url)
            signed_in[tail] = context.storage_state()
        page.goto(house.url + path)
        return page

    yield go
    for context in opened:
        context.close()
