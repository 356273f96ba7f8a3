"""Work for later, kept in PostgreSQL by procrastinate and enqueued in the transaction of the fact it follows.

A job is shallow and idempotent, takes ids as text, and is one transaction of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Generic, ParamSpec

import procrastinate
from sqlalchemy import text

from core.db import session, transaction
from core.notify import plain_url

P = ParamSpec("P")

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=""))
RETRIES = 5
BACKOFF_S = 4
CONCURRENCY = 4
HEARTBEAT_S = 3
SILENT_S = 12
"""A worker that was not heard of for so long is dead; what it was at is taken up by another."""
TAKEN_UP_MAX = 20
"""A job that was begun so often without an end is not begun again: it may be what kills its workers."""


@dataclass(frozen=True)
class Job(Generic[P]):
    """A function that a worker will call."""

    work: Callable[P, None]
    task: Any

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Do the work now, in the caller's transaction."""
        self.work(*args, **kwargs)

    def later(self, *, at: datetime | None = None, lock: str | None = None, **arguments: Any) -> None:
        """Enqueue on the session's own connection: the job commits or rolls back with its fact.

        `at` is the earliest moment; jobs that share a `lock` never overlap and keep their order.
        """
        session.flush()
        connection = session.connection().connection.driver_connection
        self.task.configure(connection=connection, schedule_at=at, lock=lock).defer(**arguments)


def job(*, queue: str = "default", retries: int = RETRIES) -> Callable[[Callable[P, None]], Job[P]]:
    """Declare a job; it is tried again with growing pauses, `retries` times at most."""

    def declare(work: Callable[P, None]) -> Job[P]:
        retry = procrastinate.RetryStrategy(max_attempts=retries, exponential_wait=BACKOFF_S)
        task = app.task(name=_name(work), queue=queue, retry=retry)(_in_transaction(work))
        return Job(work, task)

    return declare


def periodic(cron: str, *, queue: str = "default") -> Callable[[Callable[[int], None]], Job[[int]]]:
    """Declare a job that recurs; `cron` may have a sixth field for seconds. It gets the planned time as a timestamp."""

    def declare(work: Callable[[int], None]) -> Job[[int]]:
        name = _name(work)
        task = app.task(name=name, queue=queue, queueing_lock=name, pass_context=False)(_in_transaction(work))
        app.periodic(cron=cron)(task)
        return Job(work, task)

    return declare


def _name(work: Callable[..., None]) -> str:
    return f"{work.__module__}.{work.__name__}"


def _in_transaction(work: Callable[P, None]) -> Callable[P, None]:
    @wraps(work)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        with transaction():
            work(*args, **kwargs)

    return wrapped


def run_worker(*, wait: bool = True, queues: list[str] | None = None) -> None:
    """Work jobs until stopped; with `wait=False`, until none is due."""
    connector = procrastinate.PsycopgConnector(conninfo=plain_url(), min_size=1, max_size=3)
    with app.replace_connector(connector) as working:
        working.run_worker(
            queues=queues, concurrency=CONCURRENCY, wait=wait, delete_jobs="successful", fetch_job_polling_interval=2.0,
            update_heartbeat_interval=HEARTBEAT_S, stalled_worker_timeout=SILENT_S,
        )  # fmt: skip


_ORPHANS = """
    SELECT job.id, job.queueing_lock, job.attempts FROM procrastinate_jobs AS job
    LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
    WHERE job.status = 'doing'
      AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :silent_s))
    FOR UPDATE OF job SKIP LOCKED
"""


@periodic("* * * * * */5")
def take_up_orphans(timestamp: int) -> None:
    """Begin again what a killed worker was at; it was one transaction, so nothing of it was done."""
    take_up(silent_s=SILENT_S)


def take_up(*, silent_s: int) -> int:
    """Plan the jobs of dead workers anew; returns how many. A recurring one is dropped: its next turn comes anyway."""
    taken = 0
    for orphan in session.execute(text(_ORPHANS), {"silent_s": silent_s}).all():
        if orphan.queueing_lock is not None or orphan.attempts >= TAKEN_UP_MAX:
            ended = "SELECT procrastinate_finish_job_v1(:id, 'failed', :forget)"
            session.execute(text(ended), {"id": orphan.id, "forget": orphan.queueing_lock is not None})
            continue
        session.execute(text("SELECT procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL)"), {"id": orphan.id})
        taken += 1
    return taken
