"""bring the database to the newest tables; `migrate down REVISION` goes back"""

from collections.abc import Sequence

from alembic import command

from core import house_database
from core.migrating import alembic_config, migrate
from core.settings import settings
from core.supervise import say


def main(args: Sequence[str]) -> int:
    """Upgrade, or downgrade to a revision (`base` takes everything away)."""
    with house_database.opened(settings().home) as database:
        if args[:1] == ["down"] and len(args) == 2:
            command.downgrade(alembic_config(database.owner_url), args[1])
        else:
            say("The tables are up to date now." if migrate(database.owner_url) else "Nothing to do.")
    return 0
