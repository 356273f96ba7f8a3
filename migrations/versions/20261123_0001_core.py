"""People, log-ins, idempotency keys, the audit trail and the job library's own tables."""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

from core.db import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF current_setting('xiaoxiang.repair', true) = 'on' THEN RETURN NULL; END IF; "
        "RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; "
        "END $$"
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_tail", sa.Text(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("elder", sa.Boolean(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("disabled_at", TIMESTAMP),
        sa.UniqueConstraint("phone_index", name="uq_users_phone_index"),
    )
    op.create_table(
        "logins",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("expires_at", TIMESTAMP, nullable=False),
        sa.UniqueConstraint("token_hash", name="uq_logins_token_hash"),
    )
    op.create_index("ix_logins_user_id", "logins", ["user_id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer_sealed", sa.LargeBinary()),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.UniqueConstraint("owner", "route", "key", name="uq_idempotency_keys_owner_route_key"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.create_table(
        "audit_rows",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", sa.LargeBinary()),
        sa.Column("after", sa.LargeBinary()),
    )
    op.create_index("ix_audit_rows_by", "audit_rows", ["by"])
    op.create_index("ix_audit_rows_subject", "audit_rows", ["subject"])
    append_only(op, "audit_rows")
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))


def downgrade() -> None:
    for name in ("audit_rows", "idempotency_keys", "logins", "users"):
        op.drop_table(name)
    op.execute("DROP FUNCTION refuse_change()")
    op.execute(
        "DO $$ DECLARE r record; BEGIN "
        "FOR r IN SELECT tablename FROM pg_tables "
        "WHERE tablename LIKE 'procrastinate\\_%' AND schemaname = current_schema() LOOP "
        "EXECUTE format('DROP TABLE %I CASCADE', r.tablename); END LOOP; "
        "FOR r IN SELECT p.oid::regprocedure AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE p.proname LIKE 'procrastinate\\_%' AND n.nspname = current_schema() LOOP "
        "EXECUTE 'DROP FUNCTION ' || r.name || ' CASCADE'; END LOOP; "
        "FOR r IN SELECT typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
        "WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') AND n.nspname = current_schema() LOOP "
        "EXECUTE format('DROP TYPE %I CASCADE', r.typname); END LOOP; END $$"
    )
