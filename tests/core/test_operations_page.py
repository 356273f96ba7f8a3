"""Whoever runs the house finds every setting on one page, and nothing there that is not read."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_db
ROOT = Path(__file__).resolve().parents[2]
SETTING = re.compile(r"(?:XIAOXIANG|STRIPE)_[A-Z_]+[A-Z]|DATABASE_URL")
DOORS = ("manage.py", "app.py", "wsgi.py", "gunicorn.conf.py", "demo.py")


def settings_read():
    """Every text in the code that is the name of a setting and nothing else."""
    folders = [ROOT / name for name in ("core", "logistics", "shop", "orders", "web", "migrations")]
    files = [ROOT / name for name in DOORS] + [file for folder in folders for file in folder.rglob("*.py")]
    return {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SETTING.fullmatch(node.value)
    }


def test_every_setting_that_is_read_is_documented_and_no_other():
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    documented = {name for name in re.findall(r"`([A-Z_]+)`", page) if SETTING.fullmatch(name)}
    assert len(documented) > 10
    assert documented == settings_read()


def test_lifetimes_on_the_page_are_those_in_force():
    from core import lifetimes

    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for lifetime, idle, absolute in (
        (lifetimes.AT_HOME, "30 days", "180 days"),
        (lifetimes.AT_WORK, "12 hours", "7 days"),
        (lifetimes.AT_A_DESK, "30 minutes", "12 hours"),
    ):
        assert f"| {idle} | {absolute} |" in page
        assert [_seconds(words) for words in (idle, absolute)] == [
            lifetime.idle.total_seconds(),
            lifetime.absolute.total_seconds(),
        ]


def _seconds(words):
    number, unit = words.split()
    return int(number) * {"days": 86_400, "hours": 3_600, "minutes": 60}[unit]
