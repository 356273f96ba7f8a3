"""How long a session lives, idle and at most. The more it opens, the shorter."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from core.permissions import Role

SEEN_EVERY = timedelta(minutes=1)
"""That a session was seen is written down once a minute at most, so that reading does not become writing."""


@dataclass(frozen=True)
class Lifetime:
    """Both bounds of a session."""

    idle: timedelta
    absolute: timedelta


AT_HOME = Lifetime(idle=timedelta(days=30), absolute=timedelta(days=180))
AT_WORK = Lifetime(idle=timedelta(hours=12), absolute=timedelta(days=7))
"""A phone that shows other people's parcels."""
AT_A_DESK = Lifetime(idle=timedelta(minutes=30), absolute=timedelta(hours=12))
"""A screen that shows a whole circle of stations, or other people's money."""

BY_ROLE = {
    Role.ADMIN: AT_A_DESK,
    Role.BRANCH_HEAD: AT_A_DESK,
    Role.BUYER: AT_HOME,
    Role.CLERK: AT_WORK,
    Role.DRIVER: AT_WORK,
    Role.FARMER: AT_HOME,
    Role.HOST: AT_HOME,
    Role.KEEPER: AT_WORK,
    Role.PROVINCE: AT_A_DESK,
    Role.SUPPLIER: AT_A_DESK,
}


def of(roles: Iterable[Role]) -> Lifetime:
    """The shortest that any role of a person asks for."""
    asked = [BY_ROLE[role] for role in roles] or [AT_HOME]
    return Lifetime(idle=min(one.idle for one in asked), absolute=min(one.absolute for one in asked))
