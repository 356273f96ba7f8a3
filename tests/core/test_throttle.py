"""Throttles: so many at once, then so many in a time, counted although the request is refused."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from core import throttle
from core.auth import LoginWrong
from core.db import session, transaction
from core.errors import TooMany

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


def tries(key, count, *, now=NOON, **limits):
    """How many of `count` tries were let through."""
    passed = 0
    for _ in range(count):
        try:
            throttle.allow(key, **({"rate": 10, "per_s": 900, "burst": 10} | limits), now=now)
        except TooMany:
            continue
        passed += 1
    return passed


def test_a_burst_passes_and_no_more(race_db):
    assert tries("a", 15) == 10


def test_keys_do_not_share(race_db):
    assert tries("a", 12) == 10
    assert tries("b", 12) == 10


def test_a_place_comes_free_after_its_share_of_the_time(race_db):
    tries("a", 10)
    assert tries("a", 3, now=NOON + timedelta(seconds=89)) == 0
    assert tries("a", 3, now=NOON + timedelta(seconds=90)) == 1
    assert tries("a", 20, now=NOON + timedelta(seconds=1_000)) == 10


def test_refused_tries_do_not_lengthen_the_wait(race_db):
    tries("a", 1_000, burst=2)
    assert tries("a", 1, burst=2, now=NOON + timedelta(seconds=90)) == 1


def test_the_refusal_tells_the_seconds_to_wait_and_they_suffice(race_db):
    tries("a", 10)
    with pytest.raises(TooMany) as refused:
        throttle.allow("a", rate=10, per_s=900, burst=10, now=NOON + timedelta(seconds=30))
    assert refused.value.facts == {"retry_after": 60}
    assert tries("a", 1, now=NOON + timedelta(seconds=90)) == 1


def test_the_count_outlives_the_refused_request(race_db):
    def refused():
        with transaction():
            session.execute(text("SELECT 1"))
            throttle.allow("a", rate=1, per_s=60, burst=1, now=NOON)
            raise LoginWrong

    with pytest.raises(LoginWrong):
        refused()
    assert tries("a", 1, rate=1, per_s=60, burst=1) == 0


def test_forgiving_empties_the_bucket(race_db):
    tries("a", 10, kept=True)
    throttle.forgive("a", kept=True)
    assert tries("a", 12, kept=True) == 10


def test_parallel_tries_are_counted_one_by_one(race_db):
    passed = []
    threads = [threading.Thread(target=lambda: passed.append(tries("a", 10))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 10


def test_counters_of_codes_survive_a_crash_and_those_of_log_ins_need_not(race_db):
    kinds = dict(
        session.execute(
            text("SELECT relname, relpersistence FROM pg_class WHERE relname IN ('throttles', 'kept_throttles')")
        ).all()
    )
    assert kinds == {"throttles": "u", "kept_throttles": "p"}


def test_empty_buckets_are_pruned(race_db):
    tries("a", 1)
    tries("b", 1, kept=True)
    assert throttle.prune(now=NOON) == 0
    assert throttle.prune(now=NOON + timedelta(hours=1)) == 2


def test_an_honest_try_is_taken_out_of_the_count(race_db):
    for _ in range(30):
        throttle.allow("a", rate=10, per_s=900, burst=10, now=NOON)
        throttle.give_back("a", rate=10, per_s=900)
    assert tries("a", 12) == 10
