"""One database per run, built by the migrations; each test in a transaction that is rolled back.

`DATABASE_URL` names a server to test against (its user may create databases); without it our own is started.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

_home = Path(tempfile.mkdtemp(prefix="xx-test-"))
_server = os.environ.setdefault("XIAOXIANG_TEST_SERVER", os.environ.get("DATABASE_URL", ""))
_run = os.environ.setdefault("XIAOXIANG_TEST_RUN", secrets.token_hex(4))
for _name in ("DATABASE_URL", "STRIPE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "XIAOXIANG_PUBLIC_URL"):
    os.environ.pop(_name, None)
os.environ["XIAOXIANG_HOME"] = str(_home)
os.environ["XIAOXIANG_WORLD"] = "demo"

from sqlalchemy.engine import make_url  # noqa: E402  # settings are read at import; the environment comes first

from core import db as database  # noqa: E402
from core import embedded  # noqa: E402

TEMPLATE = f"xx_template_{_run}"
TEMPLATE_LOCK = 7_229_402
_own: list[embedded.Server] = []


def pytest_configure(config: pytest.Config) -> None:
    """With several workers the first process starts the server for all of them."""
    if getattr(config.option, "numprocesses", None) and not os.environ.get("PYTEST_XDIST_WORKER"):
        _serve()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that began ends what the run left on the server."""
    if not os.environ.get("PYTEST_XDIST_WORKER") and os.environ["XIAOXIANG_TEST_SERVER"]:
        _forget_databases()
    for server in _own:
        server.stop()
        shutil.rmtree(server.place.base, ignore_errors=True)
    shutil.rmtree(_home, ignore_errors=True)


def _serve() -> str:
    """The address of the server of this run."""
    if not os.environ["XIAOXIANG_TEST_SERVER"]:
        server = embedded.Server(_home, options=["fsync=off"])
        server.start()
        _own.append(server)
        os.environ["XIAOXIANG_TEST_SERVER"] = server.place.url("postgres", "postgres")
    return os.environ["XIAOXIANG_TEST_SERVER"]


def _url(name: str) -> str:
    return urlsplit(_serve())._replace(path=f"/{name}").geturl()


def _admin(statement: str) -> None:
    with psycopg.connect(_serve(), autocommit=True) as connection:
        connection.execute(statement)


def _forget_databases() -> None:
    with psycopg.connect(_serve(), autocommit=True) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"xx_%_{_run}%"]
        ).fetchall()
        for (name,) in found:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _template() -> str:
    """The database that all others are copied from, built once by whichever worker comes first."""
    with psycopg.connect(_serve(), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            connection.execute(f'DROP DATABASE IF EXISTS "{TEMPLATE}_making"')
            connection.execute(f'CREATE DATABASE "{TEMPLATE}_making"')
            build_schema(_url(f"{TEMPLATE}_making"))
            connection.execute(f'ALTER DATABASE "{TEMPLATE}_making" RENAME TO "{TEMPLATE}"')
    return TEMPLATE


def build_schema(url: str) -> None:
    """All tables, by the migrations."""
    from alembic import command

    from core.migrating import alembic_config

    command.upgrade(alembic_config(url), "head")


def _copy(name: str) -> str:
    _admin(f'CREATE DATABASE "{name}" TEMPLATE "{_template()}"')
    return _url(name)


@pytest.fixture(scope="session")
def database_url() -> str:
    """The database of this worker, for tests that are rolled back."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw")
    return _copy(f"xx_{worker}_{_run}")


@pytest.fixture(autouse=True)
def db(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test in one transaction of its own, rolled back; commits of the code under test are savepoints."""
    if request.node.get_closest_marker("no_db") or {"race_db", "empty_db"} & set(request.fixturenames):
        yield
        return
    from core import throttle

    url = request.getfixturevalue("database_url")
    if not database.connected() or database.engine().url.database != make_url(url).database:
        database.connect(url)
    with database.engine().connect() as connection:
        outer = connection.begin()
        database.session.remove()
        database.session.configure(bind=connection, join_transaction_mode="create_savepoint")
        try:
            yield
        finally:
            database.session.remove()
            outer.rollback()
            database.bind(database.engine())
            throttle.forget_all()


@pytest.fixture
def race_db() -> Iterator[str]:
    """A database of this test alone, for real commits and threads; gone afterwards. Gives its URL."""
    name = f"xx_race_{_run}_{secrets.token_hex(4)}"
    url = _copy(name)
    engine = database.connect(url, pool_size=16)
    yield url
    database.session.remove()
    engine.dispose()
    _admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def empty_db() -> Iterator[str]:
    """A database without any table; gone afterwards. Gives its URL."""
    name = f"xx_empty_{_run}_{secrets.token_hex(4)}"
    _admin(f'CREATE DATABASE "{name}"')
    yield _url(name)
    _admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def app(database_url: str):
    """The whole application."""
    from app import create_app

    if not database.connected():
        database.connect(database_url)
    return create_app()


@pytest.fixture
def client(app):
    """A caller without cookies from before."""
    return app.test_client()


@pytest.fixture
def login() -> Callable[..., dict[str, str]]:
    """Sign a person in: `headers = login(client, user)`."""
    from core.testing import bearer

    return lambda _client, user: bearer(user)


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """What a process remembers between requests does not leak from one test into the next."""
    yield
    from core import callers, clock, i18n

    callers.hearing(0)
    callers.forget_all()
    clock.use(None)
    i18n.use_language("zh")
