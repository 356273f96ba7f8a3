"""Demo and live never mix: each wrong set-up is refused in its own words, and the database knows what it is."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from core import settings as module
from core import users, worlds
from core.db import session
from core.migrating import migrate
from core.settings import SettingsWrong, make_keys, read
from tests import make

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


def write_keys(folder, *, mode=0o600, **changes):
    keys = {purpose: ring for purpose, ring in make_keys().items() if purpose != "generated"} | changes
    file = folder / "made.json"
    file.write_text(json.dumps({purpose: ring for purpose, ring in keys.items() if ring is not None}))
    file.chmod(mode)
    return str(file)


@pytest.fixture
def live(tmp_path):
    """An environment in which the live world opens."""
    return {
        "XIAOXIANG_HOME": str(tmp_path / "home"),
        "XIAOXIANG_WORLD": "live",
        "DATABASE_URL": "postgresql://db.internal/xiaoxiang",
        "XIAOXIANG_KEYS": write_keys(tmp_path),
        "STRIPE_KEY": "sk_live_x",
        "STRIPE_WEBHOOK_SECRET": "whsec_x",
        "XIAOXIANG_PUBLIC_URL": "https://shop.example",
        "XIAOXIANG_BEHIND_PROXY": "1",
    }


@pytest.mark.no_db
def test_a_whole_live_set_up_opens(live):
    found = read(live)
    assert (found.world, found.stripe_api_base, found.public_url) == ("live", None, "https://shop.example")


@pytest.mark.no_db
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"STRIPE_KEY": ""}, "live Stripe key"),
        ({"STRIPE_KEY": "sk_test_x"}, "live Stripe key"),
        ({"STRIPE_KEY": "standin_x"}, "live Stripe key"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "webhook secret"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:8002"}, "stand-in"),
        ({"XIAOXIANG_PUBLIC_URL": "http://shop.example"}, "https address"),
        ({"XIAOXIANG_PUBLIC_URL": ""}, "https address"),
        ({"XIAOXIANG_BEHIND_PROXY": ""}, "proxy"),
        ({"DATABASE_URL": ""}, "not the embedded one"),
        ({"XIAOXIANG_KEYS": "/nowhere/keys.json"}, "make-keys"),
        ({"XIAOXIANG_WORLD": ""}, "which world"),
        ({"XIAOXIANG_WORLD": "Live"}, "which world"),
        ({"XIAOXIANG_PORT": "80000"}, "XIAOXIANG_PORT"),
        ({"XIAOXIANG_POOL": "many"}, "XIAOXIANG_POOL"),
    ],
)
def test_each_fault_of_a_live_set_up_is_named(live, change, words):
    with pytest.raises(SettingsWrong, match=words):
        read(live | change)


@pytest.mark.no_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generated": [[1, "yes"]]}, "not generated ones"),
        ({"mode": 0o644}, "0600"),
        ({"field": None}, "lacks keys for: field"),
        ({"index": []}, "lacks keys for: index"),
        ({"ticket": [[1, "00" * 16]]}, "32 bytes"),
        ({"csrf": [[1, "not hex"]]}, "damaged"),
        ({"session": 5}, "damaged"),
    ],
)
def test_each_fault_of_a_key_file_is_named(live, tmp_path, changes, words):
    with pytest.raises(SettingsWrong, match=words):
        read(live | {"XIAOXIANG_KEYS": write_keys(tmp_path, **changes)})


@pytest.mark.no_db
@pytest.mark.parametrize("text", ["", "[]", "{", '"keys"'])
def test_a_torn_key_file_is_named(live, tmp_path, text):
    (tmp_path / "torn.json").write_text(text)
    with pytest.raises(SettingsWrong, match=r"torn\.json is damaged"):
        read(live | {"XIAOXIANG_KEYS": str(tmp_path / "torn.json")})


@pytest.mark.no_db
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"STRIPE_KEY": "sk_live_x"}, "unset STRIPE_KEY"),
        ({"STRIPE_KEY": "rk_live_x"}, "unset STRIPE_KEY"),
        ({"DATABASE_URL": "postgresql://db.internal/x"}, "which world"),
    ],
)
def test_the_demo_world_takes_nothing_of_the_live_one(tmp_path, change, words):
    with pytest.raises(SettingsWrong, match=words):
        read({"XIAOXIANG_HOME": str(tmp_path)} | change)


@pytest.mark.no_db
def test_the_demo_world_makes_its_own_keys_and_pays_a_stand_in(tmp_path):
    found = read({"XIAOXIANG_HOME": str(tmp_path)})
    assert (found.world, found.keys_generated, found.keys_private) == ("demo", True, True)
    assert found.stripe_api_base == "http://127.0.0.1:8002"
    assert read({"XIAOXIANG_HOME": str(tmp_path)}).keys == found.keys


@pytest.mark.no_db
def test_no_secret_shows_itself(live):
    found = read(live)
    for secret in ("sk_live_x", "whsec_x", "db.internal", found.key("field").hex(), repr(found.key("field"))):
        assert secret not in repr(found)


def marked(url, world):
    with psycopg.connect(url) as connection:
        worlds.mark(connection, world)


def test_a_new_database_is_marked_and_keeps_its_mark(race_db, monkeypatch):
    assert migrate(race_db) is False
    with psycopg.connect(race_db) as connection:
        assert connection.execute("SELECT name FROM worlds").fetchall() == [("demo",)]
    marked(race_db, "live")
    with psycopg.connect(race_db) as connection:
        assert connection.execute("SELECT name FROM worlds").fetchall() == [("demo",)]


@pytest.mark.parametrize(("there", "wanted"), [("demo", "live"), ("live", "demo")])
def test_a_database_of_the_other_world_is_refused_untouched(race_db, there, wanted):
    marked(race_db, there)
    with psycopg.connect(race_db) as connection, pytest.raises(SettingsWrong, match=f"belongs to the {there} world"):
        worlds.check(connection, wanted)


def test_a_live_database_with_people_of_the_demo_is_refused(race_db):
    users.sign_up("13812345678", "a long password", "王小明", [], demo=True, now=NOON)
    session.commit()
    with psycopg.connect(race_db) as connection, pytest.raises(SettingsWrong, match="people of the demo world"):
        worlds.check(connection, "live")


@pytest.mark.parametrize(("world", "fits"), [("demo", True), ("live", False)])
def test_a_person_of_the_demo_signs_in_there_only(db, monkeypatch, world, fits):
    user = make.user(password="peach-season")
    user.demo = True

    class Found:
        pass

    Found.world = world
    monkeypatch.setattr(users, "settings", Found)
    assert users.password_fits(user, "peach-season") is fits


@pytest.mark.no_db
def test_the_process_ends_with_one_line_and_no_trace(live, tmp_path):
    program = (
        "import sys; from core.settings import SettingsWrong, settings\n"
        "try: settings()\nexcept SettingsWrong as wrong: sys.exit(str(wrong))"
    )
    env = live | {"STRIPE_KEY": "sk_test_x", "PATH": "/usr/bin"}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("The live world needs a live Stripe key")
    assert ended.stderr.count("\n") == 1


def test_every_page_of_the_demo_says_so(client):
    assert "演示" in client.get("/login").get_data(as_text=True)
    assert module.settings().world == "demo"
