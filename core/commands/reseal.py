"""seal all personal fields with the newest key, so that an older one may go"""

from collections.abc import Sequence
from importlib import import_module

from core import db, house_database, resealing
from core.settings import settings
from core.supervise import say


def main(args: Sequence[str]) -> int:
    """Walk every sealed field; 1 when rows are left that somebody held, so it has to be called again."""
    import_module("migrations.tables").load_all()
    with house_database.opened(settings().home) as database:
        db.connect(database.owner_url, timeouts=False)
        left = sum(_renew(model, field) for model, field in resealing.fields())
    say("Only the newest key is in use now." if left == 0 else f"{left} rows were in use meanwhile: call it again.")
    return 1 if left else 0


def _renew(model: type, field: str) -> int:
    done = resealing.walk(model, field)
    left = resealing.left(model, field)
    say(f"{model.__tablename__}.{field}: {done} sealed anew, {left} left")  # type: ignore[attr-defined]
    return left
