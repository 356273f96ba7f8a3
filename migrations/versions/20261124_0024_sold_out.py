"""Let a host call an offer sold out: its pool ends at what is held and sold."""

from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None

NAME = "ck_offer_movements_cause"
BEFORE = "'add', 'reprice', 'stop', 'reopen', 'hold', 'release', 'sell', 'retake', 'unsell'"


def upgrade() -> None:
    _causes(f"{BEFORE}, 'sold_out'")
    op.execute(f"ALTER TABLE offer_movements VALIDATE CONSTRAINT {NAME}")


def downgrade() -> None:
    """Rows of a pool that was closed stay true, so they are not looked at again."""
    _causes(BEFORE)


def _causes(causes: str) -> None:
    """No row is read under the strong lock."""
    op.execute(f"ALTER TABLE offer_movements DROP CONSTRAINT {NAME}")
    op.execute(f"ALTER TABLE offer_movements ADD CONSTRAINT {NAME} CHECK (cause IN ({causes})) NOT VALID")
