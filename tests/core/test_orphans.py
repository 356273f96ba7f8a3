"""A job whose worker was killed is begun again; that of a living worker is left alone."""

import pytest
from sqlalchemy import text

from core import jobs
from core.db import session
from orders.webhooks import work_event

BEGUN = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker, attempts = :attempts"
WORKER = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => :ago)) RETURNING id"


def _begun(*, heard_s_ago: int | None, attempts: int = 0) -> None:
    session.execute(text("DELETE FROM procrastinate_jobs"))
    work_event.later(event_id="x")
    worker = None if heard_s_ago is None else session.scalar(text(WORKER), {"ago": heard_s_ago})
    session.execute(text(BEGUN), {"worker": worker, "attempts": attempts})


def _states() -> list[str]:
    return list(session.scalars(text("SELECT status::text FROM procrastinate_jobs")))


@pytest.mark.parametrize("heard_s_ago", [None, 60])
def test_the_job_of_a_dead_worker_is_begun_again(db, heard_s_ago):
    _begun(heard_s_ago=heard_s_ago)
    assert jobs.take_up(silent_s=jobs.SILENT_S) == 1
    assert _states() == ["todo"]


def test_the_job_of_a_living_worker_is_left_alone(db):
    _begun(heard_s_ago=1)
    assert jobs.take_up(silent_s=jobs.SILENT_S) == 0
    assert _states() == ["doing"]


def test_a_job_that_kills_its_workers_is_given_up(db):
    _begun(heard_s_ago=None, attempts=jobs.TAKEN_UP_MAX)
    assert jobs.take_up(silent_s=jobs.SILENT_S) == 0
    assert _states() == ["failed"]


def test_a_recurring_job_of_a_dead_worker_makes_room_for_its_next_turn(db):
    _begun(heard_s_ago=None)
    session.execute(text("UPDATE procrastinate_jobs SET queueing_lock = 'turn'"))
    assert jobs.take_up(silent_s=jobs.SILENT_S) == 0
    assert _states() == []
