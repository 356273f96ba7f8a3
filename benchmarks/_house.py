"""A database of a benchmark's own: our PostgreSQL with fsync on, all migrations, gone afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_database() -> Iterator[str]:
    """The session bound to a fresh database for as long as the block lasts. Gives its URL."""
    home = Path(tempfile.mkdtemp(prefix="xx-bench-"))
    os.environ.pop("DATABASE_URL", None)
    os.environ |= {"XIAOXIANG_HOME": str(home), "XIAOXIANG_WORLD": "demo"}
    from core import db, embedded
    from core.migrating import migrate

    server = embedded.Server(home)
    server.start()
    try:
        url = server.place.url("postgres", "postgres")
        migrate(url)
        engine = db.connect(url)
        yield url
        db.session.remove()
        engine.dispose()
    finally:
        server.stop()
        shutil.rmtree(server.place.base, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
