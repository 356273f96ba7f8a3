"""Scripts of others are served by us, unchanged, and each is accounted for."""

import hashlib
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_db
ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "web" / "static" / "vendor"


def test_every_vendored_file_is_the_published_one():
    table = dict(re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (VENDOR / "VENDOR.md").read_text(), re.MULTILINE))
    there = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.iterdir()
        if file.name != "VENDOR.md"
    }
    assert there == table


@pytest.mark.parametrize("kind", ["*.html", "*.css", "*.js"])
def test_no_page_asks_another_host(kind):
    outside = re.compile(
        r"""(?:src|href|action)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//|\bimport\(?["']https?://"""
    )
    found = [
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in (ROOT / "web").rglob(kind)
        if VENDOR not in file.parents
        for match in outside.finditer(file.read_text())
    ]
    assert found == []


def test_no_template_has_inline_styles_handlers_or_unmarked_scripts():
    bad = re.compile(r"""\sstyle=["']|<style|\son[a-z]+=["']|<script(?![^>]*nonce=)|\|\s*safe\b|javascript:""")
    found = [
        f"{file.relative_to(ROOT)}: {match.group().strip()}"
        for folder in ("core", "web")
        for file in (ROOT / folder).rglob("*.html")
        for match in bad.finditer(file.read_text())
    ]
    assert found == []
