"""People, each with a phone of his own."""

from collections.abc import Iterable
from datetime import datetime
from itertools import count

from core import users
from core.clock import LOCAL
from core.permissions import Role
from core.users import User

SIGNED_UP = datetime(2026, 8, 1, 8, tzinfo=LOCAL)
_serial = count(1)


def user(
    *,
    roles: Iterable[Role] = (Role.BUYER,),
    phone: str | None = None,
    name: str = "王小明",
    password: str = "peach-season",
    now: datetime = SIGNED_UP,
) -> User:
    """A person with these roles; the password is `peach-season`."""
    return users.sign_up(phone or f"137{next(_serial):08d}", password, name, roles, now=now)
