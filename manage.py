#!/usr/bin/env python3
"""The one door: `python3 manage.py COMMAND`. Standard library only until the environment stands."""

import errno
import os
import sys
from contextlib import nullcontext
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("logistics", "shop", "orders", "web")
OWN = ("run", "test", "check", "bench", "migrate", "make-keys", "reseal", "video-conf")
ROOT = Path(__file__).resolve().parent
FULL = {errno.ENOSPC, errno.EDQUOT}
OUTSIDE = {*FULL, errno.EACCES, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EPERM, errno.EIO}
WITH_TEST_TOOLS = {"test", "check", "bench"}


def main(arguments):
    """Make the environment stand, step into it, and call the command; its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  # this very line is read by older ones
        return _refuse("This Python is too old: Xiaoxiang needs 3.11 or later.")
    sys.path.insert(0, str(ROOT))
    from core.ending import ToldToEnd, ending

    name = arguments[0] if arguments else "help"
    if name == "run":
        ending.obey_signals()
    try:
        return _prepared(name, arguments)
    except ToldToEnd:
        return 0
    except KeyboardInterrupt:
        return 130


def _prepared(name, arguments):
    """Make the environment stand, then be the command, in its interpreter."""
    from core import bootstrap
    from core.ending import ending, signals_held

    own_postgres = not os.environ.get("DATABASE_URL") and not os.environ.get("XIAOXIANG_POSTGRES_BIN")
    locks = bootstrap.wanted_locks(tests=name in WITH_TEST_TOOLS, embedded=own_postgres)
    try:
        python = bootstrap.prepare(locks)
    except bootstrap.SetupFailed as wrong:
        return _refuse(wrong)
    except KeyboardInterrupt:
        _refuse("Set-up was interrupted; the next call starts it again.")
        raise
    if Path(sys.prefix).resolve() != bootstrap.VENV.resolve():
        with signals_held() if name == "run" else nullcontext():
            ending.check()
            os.execv(python, [str(python), str(ROOT / "manage.py"), *arguments])  # noqa: S606  # our own interpreter
    return _call(name, arguments[1:])


def _call(name, arguments):
    """One of our own commands, or one that a package offers in its `commands.py`."""
    from core.commands import run
    from core.embedded_place import PostgresFailed
    from core.settings import SettingsWrong
    from core.supervise import NotStarting

    try:
        if name in OWN:
            return import_module("core.commands." + name.replace("-", "_")).main(arguments)
        offered = _offered()
        if name in offered:
            return _in_the_house(lambda: offered[name](arguments))
    except (run.CannotRun, PostgresFailed, SettingsWrong, NotStarting) as wrong:
        return _refuse(wrong)
    except OSError as wrong:
        if wrong.errno not in OUTSIDE:
            raise
        if wrong.errno in FULL:
            return _refuse("The disk is full: make room, or set XIAOXIANG_HOME elsewhere.")
        return _refuse(f"{wrong.strerror}: {wrong.filename}. Mend that, or set XIAOXIANG_HOME elsewhere.")
    return _help(name, offered)


def _offered():
    """Commands by name that work on the house's database: the packages', the job worker and the demo world."""
    from core.jobs import run_worker

    found = {"worker": lambda _arguments: run_worker(), "load-demo": lambda _arguments: import_module("demo").load()}
    for package in PACKAGES:
        if find_spec(package + ".commands"):
            found.update(import_module(package + ".commands").COMMANDS)
    return found


def _in_the_house(work):
    """Call with the database reachable, its tables up to date, and every package loaded."""
    from app import create_app
    from core import db, house_database
    from core.migrating import migrate
    from core.settings import settings

    inside = os.environ.get("XIAOXIANG_DATABASE_URL")
    home = Path(os.environ.get("XIAOXIANG_HOME") or ROOT / ".state").absolute()
    with house_database.opened(home) as database:
        if not inside:
            migrate(database.owner_url)
        db.connect(settings().database_url, pool_size=settings().pool_size, timeouts=False)
        create_app()
        return work() or 0


def _help(name, offered):
    known = sorted({*OWN, *offered})
    print("python3 manage.py COMMAND, where COMMAND is one of:\n  " + "\n  ".join(known))
    return 0 if name in ("help", "--help", "-h") else _refuse(f"There is no command {name!r}.", 2)


def _refuse(why, code=1):
    print(why, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
