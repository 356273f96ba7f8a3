"""What time it is. Only the edge asks; rules are told."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Shanghai")
"""The trade's own time: business days, vans and promises are reckoned in it."""


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """This moment, in UTC."""
    return _source()


def use(source: Callable[[], datetime] | None) -> None:
    """Let another source tell the time (tests); None goes back to the machine's clock."""
    global _source
    _source = source or _system


def local_time(moment: datetime) -> str:
    """The time of day of a moment as the trade's clocks show it: 20:00:00."""
    return f"{moment.astimezone(LOCAL):%H:%M:%S}"


def local_day(moment: datetime) -> date:
    """The business day of a moment."""
    return moment.astimezone(LOCAL).date()
