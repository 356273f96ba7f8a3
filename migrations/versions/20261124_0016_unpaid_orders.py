"""Count the orders of each buyer that wait for their payment, beside what he has of limited things."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO buyer_takes (buyer_id, subject_id, quantity) SELECT buyer_id, buyer_id, count(*) FROM orders "
        "WHERE status = 'awaiting_payment' AND buyer_id IS NOT NULL GROUP BY buyer_id"
    )


def downgrade() -> None:
    op.execute("DELETE FROM buyer_takes WHERE buyer_id = subject_id")
