"""What was begun and broken off is made whole at the next start, never taken for done."""

import errno
import json
import stat

import psycopg
import pytest
from psycopg import sql

from core import migrating
from core import settings as module
from core.migrating import APP_ROLE, migrate


@pytest.mark.no_db
def test_keys_that_could_not_be_written_to_their_end_are_made_anew(tmp_path, monkeypatch):
    def full(_keys, out):
        out.write('{"field": [[1, "ab')
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module.json, "dump", full)
        with pytest.raises(OSError, match="No space"):
            module.read({"XIAOXIANG_HOME": str(tmp_path)})
    assert not (tmp_path / "keys.json").exists()
    first = module.read({"XIAOXIANG_HOME": str(tmp_path)})
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert module.read({"XIAOXIANG_HOME": str(tmp_path)}).keys == first.keys
    assert json.loads((tmp_path / "keys.json").read_text())


def test_an_upgrade_that_was_killed_before_it_gave_the_application_its_rights_gives_them_next_time(
    empty_db, monkeypatch
):
    with psycopg.connect(empty_db, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APP_ROLE)))
    with monkeypatch.context() as patched:
        patched.setattr(migrating, "grant", lambda _connection: exit("killed"))
        with pytest.raises(SystemExit):
            migrate(empty_db)
    migrate(empty_db)
    with psycopg.connect(empty_db) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(APP_ROLE)))
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
