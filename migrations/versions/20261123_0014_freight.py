"""Let freight be what the tariff asks for the way, with a fixed sum where the tariff knows no price."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("kind", "value_bounded", "freight_is_fixed"):
        op.drop_constraint(name, "split_rules", type_="check")
    op.create_check_constraint("kind", "split_rules", "kind IN ('rate_bp', 'each_minor', 'quote_bp')")
    op.create_check_constraint("value_bounded", "split_rules", "value >= 0 AND (kind = 'each_minor' OR value <= 10000)")
    op.create_check_constraint(
        "freight_is_no_rate", "split_rules", "(party = 'freight') = (kind IN ('each_minor', 'quote_bp'))"
    )
    op.execute(
        sa.text(
            "INSERT INTO split_rules (id, position, party, kind, value) "
            "SELECT :id, coalesce(min(position), 10) - 5, 'freight', 'quote_bp', 10000 FROM split_rules"
        ).bindparams(sa.bindparam("id", uuid.uuid4(), sa.Uuid()))
    )
    op.add_column("line_splits", sa.Column("quote_minor", sa.Integer()))
    op.drop_constraint("amount_positive", "line_splits", type_="check")
    op.create_check_constraint("amount_positive", "line_splits", "amount_minor > 0 OR quote_minor > 0")
    op.create_check_constraint(
        "quote_above_amount", "line_splits", "quote_minor IS NULL OR party = 'freight' AND quote_minor > amount_minor"
    )


def downgrade() -> None:
    op.drop_constraint("quote_above_amount", "line_splits", type_="check")
    op.drop_constraint("amount_positive", "line_splits", type_="check")
    op.execute("SET LOCAL xiaoxiang.repair = 'on'")
    op.execute("DELETE FROM line_splits WHERE amount_minor = 0")
    op.create_check_constraint("amount_positive", "line_splits", "amount_minor > 0")
    op.drop_column("line_splits", "quote_minor")
    op.execute("DELETE FROM split_rules WHERE kind = 'quote_bp'")
    for name in ("kind", "value_bounded", "freight_is_no_rate"):
        op.drop_constraint(name, "split_rules", type_="check")
    op.create_check_constraint("kind", "split_rules", "kind IN ('rate_bp', 'each_minor')")
    op.create_check_constraint("value_bounded", "split_rules", "value >= 0 AND (kind <> 'rate_bp' OR value <= 10000)")
    op.create_check_constraint("freight_is_fixed", "split_rules", "(party = 'freight') = (kind = 'each_minor')")
