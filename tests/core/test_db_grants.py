"""The application's role adds rows to the books and the traces; it cannot change them, nor the tables."""

import psycopg
import pytest
from psycopg import sql

from core.migrating import APP_ROLE, grant

NEVER_CHANGED = {
    "audit_rows",
    "ledger_entries",
    "ledger_transactions",
    "line_splits",
    "offer_movements",
    "order_moves",
    "payment_moves",
    "personal_accesses",
    "refund_lines",
    "shelf_movements",
    "stock_movements",
    "tracking_events",
    "weighings",
}


@pytest.fixture
def granted(race_db):
    """A connection of the owner to a database whose application role has its rights."""
    with psycopg.connect(race_db) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APP_ROLE)))
        grant(connection)
        connection.commit()
        yield connection
        connection.rollback()


def guarded(connection):
    query = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only' AND NOT tgisinternal"
    return {table for (table,) in connection.execute(query)}


def as_app(connection, statement, *names):
    """Run one statement with the application's rights."""
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(APP_ROLE)))
    return connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def test_the_books_and_the_traces_are_guarded(granted):
    assert guarded(granted) >= NEVER_CHANGED


@pytest.mark.parametrize("deed", ["DELETE FROM {}", "TRUNCATE {}", "TRUNCATE {} CASCADE"])
def test_the_application_cannot_take_rows_away(granted, deed):
    for table in guarded(granted):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_app(granted, deed, table)
        granted.rollback()


def test_the_application_cannot_change_rows_by_any_column(granted):
    for table in guarded(granted):
        columns = granted.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        ).fetchall()
        for (column,) in columns:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_app(granted, "UPDATE {} SET {} = NULL", table, column)
            granted.rollback()


def test_the_application_may_add_and_read_rows_everywhere(granted):
    query = """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema()
          AND c.relname NOT IN ('alembic_version', 'worlds')
          AND NOT (has_table_privilege(%(role)s, c.oid, 'INSERT') AND has_table_privilege(%(role)s, c.oid, 'SELECT'))
    """
    assert granted.execute(query, {"role": APP_ROLE}).fetchall() == []


@pytest.mark.parametrize(
    "deed",
    [
        "CREATE TABLE mine (a integer)",
        "ALTER TABLE users ADD COLUMN a integer",
        "DROP TABLE users",
        "DROP TRIGGER append_only ON audit_rows",
        "ALTER TABLE audit_rows DISABLE TRIGGER append_only",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS ''",
        "UPDATE alembic_version SET version_num = '0'",
        "COPY users TO '/tmp/users'",
        "CREATE ROLE other",
        "ALTER ROLE xiaoxiang_app SUPERUSER",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_cannot_change_the_house(granted, deed):
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidFunctionDefinition)):
        as_app(granted, deed)


def test_asking_for_repair_gives_the_application_no_right(granted):
    as_app(granted, "SET xiaoxiang.repair = 'on'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app(granted, "DELETE FROM audit_rows")


@pytest.mark.parametrize("deed", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_even_the_owner_must_say_that_it_is_a_repair(granted, deed):
    for table in guarded(granted):
        if "id = id" in deed and not has_id(granted, table):
            continue
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added"):
            granted.execute(sql.SQL(deed).format(sql.Identifier(table)))
        granted.rollback()
    granted.execute("SET LOCAL xiaoxiang.repair = 'on'")
    granted.execute("DELETE FROM audit_rows")


def has_id(connection, table):
    found = "SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'id'"
    return connection.execute(found, [table]).fetchone() is not None
