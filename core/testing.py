"""Help for tests: a clock that stands still, jobs worked on the spot, a signed-in caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import text

from core import auth, clock, jobs
from core.db import session
from core.users import User

JOBS_MAX = 10_000


@contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """The clock stands still at a moment."""
    clock.use(lambda: moment)
    try:
        yield
    finally:
        clock.use(None)


def run_jobs(now: datetime | None = None) -> int:
    """Work every job that is due, and those that they enqueue, on this session; returns how many there were.

    Each job is a savepoint of its own. A job that fails raises here.
    """
    done = 0
    while done < JOBS_MAX:
        row = session.execute(
            text(
                "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (SELECT id FROM procrastinate_jobs "
                "WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= :now) ORDER BY id LIMIT 1) "
                "RETURNING id, task_name, args"
            ),
            {"now": now or clock.now()},
        ).one_or_none()
        if row is None:
            return done
        work = jobs.app.tasks[row.task_name].func.__wrapped__  # type: ignore[attr-defined]
        with session.begin_nested():
            work(**row.args)
        session.execute(text("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = :id"), {"id": row.id})
        done += 1
    raise RuntimeError(f"more than {JOBS_MAX} jobs: they enqueue each other")


def bearer(user: User) -> dict[str, str]:
    """The header of a program that this person has signed in to."""
    token = auth.open_login(user, agent="test", now=clock.now())
    session.commit()
    return {"Authorization": f"Bearer {token}"}
