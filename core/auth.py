"""Who is calling: opaque session tokens, kept as hashes, ended at once everywhere."""

import hashlib
import ipaddress
import secrets
from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from flask import g, request
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import ForeignKey

from core import callers, devices, lifetimes, sealed, throttle, users
from core.callers import Who
from core.db import Id, Model, new_id, session
from core.errors import Forbidden, Unauthorised
from core.i18n import _
from core.notify import notify
from core.permissions import Permission, Role, granted
from core.settings import settings
from core.users import User

__all__ = ["Login", "LoginWrong", "Who"]

P = ParamSpec("P")
T = TypeVar("T")

TRIES_WITHIN_S = 900
TRIES_KNOWN = 10
"""Wrong passwords of one account from one device that it signed in with before."""
TRIES_STRANGE = 5
"""Of one account from all other devices together."""
TRIES_ADDRESS = 100
"""From one address (IPv6: one /64); high, as a village or a campus is one address."""
IPV6 = 6
RENEWAL = "X-Renewal"
"""The header with which a page of ours renews itself."""


class LoginWrong(Unauthorised):
    """Phone or password is wrong; which of them is not said."""

    message = _("手机号或密码不对。")


class Login(Model):
    """One signed-in browser or program. Only a hash of its token is kept."""

    __tablename__ = "logins"

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    agent: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    """Written once a minute at most; a session that was not seen for long is over."""
    expires_at: Mapped[datetime]


def cookie_name() -> str:
    """`__Host-` binds the cookie to this host and https; only the demo world on loopback goes without."""
    return "__Host-xx" if settings().public_url.startswith("https://") else "xx"


def sign_in(
    phone: str, password: str, *, address: str, agent: str, device: str = "", now: datetime
) -> tuple[str, User]:
    """A fresh token for a phone and its password; `device` is the cookie of known devices.

    A try that succeeds does not count, so that a village may sign in on one tablet.
    Raises LoginWrong, PhoneImpossible, and TooMany: see the limits above.
    """
    account = users.normalise_phone(phone)
    counted = _limits(account, address, device)
    for key, limit in counted.items():
        throttle.allow(key, rate=limit, per_s=TRIES_WITHIN_S, burst=limit, now=now)
    user = users.by_phone(account)
    if not users.password_fits(user, password) or user is None:
        raise LoginWrong()
    for key, limit in counted.items():
        throttle.give_back(key, rate=limit, per_s=TRIES_WITHIN_S)
    users.rehash_if_old(user, password)
    return open_login(user, agent=agent, now=now), user


def _limits(account: str, address: str, device: str) -> dict[str, int]:
    """The buckets that a try counts in, and their sizes."""
    who = sealed.blind(account, "phone/throttle")
    known = devices.number(device, who)
    place = ipaddress.ip_address(address or "127.0.0.1")
    net = ipaddress.ip_network(f"{place}/64", strict=False) if place.version == IPV6 else place
    mine = {f"login:known:{who.hex()}:{known}": TRIES_KNOWN} if known else {f"login:strange:{who.hex()}": TRIES_STRANGE}
    return mine | {f"login:address:{net}": TRIES_ADDRESS}


def known_device(device: str, phone: str) -> str:
    """The cookie of known devices after a person with this phone signed in."""
    return devices.remember(device, sealed.blind(users.normalise_phone(phone), "phone/throttle"))


def open_login(user: User, *, agent: str, now: datetime) -> str:
    """A new session of a person; returns its token, which is shown this once."""
    token = secrets.token_urlsafe(32)
    session.add(
        Login(
            id=new_id(now),
            user_id=user.id,
            token_hash=_digest(token),
            agent=agent[:200],
            created_at=now,
            seen_at=now,
            expires_at=now + lifetimes.of(user.role_set).absolute,
        )
    )
    session.flush()
    return token


def sign_out(token: str) -> None:
    """End a session, in every process at once."""
    digest = _digest(token)
    session.execute(delete(Login).where(Login.token_hash == digest))
    notify("logins", digest.hex())
    callers.forget(digest.hex())


def end_all(user_id: UUID) -> None:
    """End every session of a person (password change, disabled, role change)."""
    for digest in session.scalars(delete(Login).where(Login.user_id == user_id).returning(Login.token_hash)):
        notify("logins", digest.hex())
        callers.forget(digest.hex())


def change_roles(user_id: UUID, roles: Iterable[Role]) -> None:
    """Give a person other roles; his sessions end, so that no old right lives on in one."""
    session.execute(update(User).where(User.id == user_id).values(roles=sorted(roles)))
    end_all(user_id)


def disable(user_id: UUID, *, now: datetime) -> None:
    """Shut a person out, at once and everywhere."""
    session.execute(update(User).where(User.id == user_id).values(disabled_at=now))
    end_all(user_id)


def remembered(token: str, *, now: datetime) -> Who | None:
    """The person behind a token as far as this process knows, without asking the database.

    None says nothing about the token: ask `who_has`.
    """
    return callers.remembered(_digest(token), now=now)


def who_has(token: str, *, now: datetime, by_itself: bool = False) -> Who | None:
    """The person behind a token: remembered, else read from the table in one query.

    `by_itself` is a page that renews itself: nobody has to sit before it, so it does not put off the end of a session.
    """
    digest = _digest(token)
    known = callers.remembered(digest, now=now)
    if known is not None:
        return known
    question = callers.question()
    row = session.execute(
        select(Login.created_at, Login.seen_at, Login.expires_at, User)
        .join(User, User.id == Login.user_id)
        .where(Login.token_hash == digest)
    ).one_or_none()
    if row is None or row.User.disabled_at is not None:
        return None
    user: User = row.User
    seen, idle = row.seen_at or row.created_at, lifetimes.of(user.role_set).idle
    if now >= min(row.expires_at, seen + idle):
        return None
    who = Who(user.id, user.role_set, user.name, user.language, user.elder, granted(user.role_set))
    if now - seen >= lifetimes.SEEN_EVERY:
        if by_itself:
            return who
        seen = _note_seen(digest, now)
    callers.remember(digest, who, until=min(row.expires_at, seen + idle), question=question)
    return who


def _note_seen(digest: bytes, now: datetime) -> datetime:
    """Remember that a session is in use; requests of one session that come together do not wait for each other."""
    free = select(Login.id).where(Login.token_hash == digest).with_for_update(skip_locked=True).scalar_subquery()
    session.execute(update(Login).where(Login.id == free).values(seen_at=now))
    return now


def identify(now: datetime) -> None:
    """Find out who calls, from the bearer token or the cookie. The edge calls it once a request."""
    scheme, _space, bearer = request.headers.get("Authorization", "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else request.cookies.get(cookie_name(), "")
    g.token = token
    g.by_cookie = scheme.lower() != "bearer" and bool(token)
    g.who = who_has(token, now=now, by_itself=RENEWAL in request.headers) if token else None


def current_or_none() -> Who | None:
    """The caller, if signed in. For views only."""
    who: Who | None = g.get("who")
    return who


def current() -> Who:
    """The caller. For views only. Raises Unauthorised."""
    who = current_or_none()
    if who is None:
        raise Unauthorised()
    return who


def requires(permission: Permission) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """This view is for those who have the permission. 401 comes before 403, 403 before 404."""

    def declare(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            if not current().may(permission):
                raise Forbidden()
            return view(*args, **kwargs)

        return _declared(guarded, permission.value, [{"bearer": []}])

    return declare


def public(view: Callable[P, T]) -> Callable[P, T]:
    """This view is for everybody."""

    @wraps(view)
    def opened(*args: P.args, **kwargs: P.kwargs) -> T:
        return view(*args, **kwargs)

    return _declared(opened, "public", [])


def _declared(view: Callable[P, T], access: str, security: list[dict[str, list[str]]]) -> Callable[P, T]:
    documented: Any = view
    documented.access = access
    documented._apidoc = deepcopy(getattr(view, "_apidoc", {}))
    documented._apidoc.setdefault("manual_doc", {})["security"] = security
    return view


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
