"""People: a phone, a name, a password, and what they are to the house."""

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache, lru_cache
from uuid import UUID

import phonenumbers
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from core import sealed
from core.aside import aside
from core.db import Id, Model, new_id, session
from core.errors import Conflict, Malformed, TooMany
from core.i18n import _
from core.permissions import Role
from core.settings import settings

HASHES_AT_ONCE = 2
HASHES_WAITING = 20
PASSWORD_LENGTH = (8, 128)
COMMON = frozenset(
    "12345678 123456789 1234567890 87654321 11111111 88888888 66666666 00000000 password qwertyui "
    "qwerty123 password1 iloveyou 1qaz2wsx abcd1234 a1234567 woaini1314 5201314520 asdfghjkl".split()
)

MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)
_queue = threading.BoundedSemaphore(HASHES_AT_ONCE + HASHES_WAITING)


class PhoneImpossible(Malformed):
    """No telephone can have this number."""

    message = _("“{phone}”不像一个电话号码。手机号要 11 位。")


class PhoneTaken(Conflict):
    """Somebody else signed up with this phone."""

    message = _("这个手机号已经注册过，请直接登录。")


class PasswordWeak(Malformed):
    """The password is too short, too long, or the first that anybody would try."""

    message = _("密码要 8 到 128 位，不能是常见的密码，也不能是自己的手机号。")


class User(Model):
    """A person who can sign in. Phone and name are sealed; the blind index finds the phone again."""

    __tablename__ = "users"

    id: Mapped[Id]
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes] = mapped_column(unique=True)
    phone_tail: Mapped[str]
    name_sealed: Mapped[bytes]
    password_hash: Mapped[str]
    roles: Mapped[list[str]]
    language: Mapped[str] = mapped_column(default="zh")
    elder: Mapped[bool] = mapped_column(default=False)
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """The clear name, for greeting its owner."""
        return sealed.open_field(self, "name")

    @property
    def role_set(self) -> frozenset[Role]:
        return frozenset(Role(role) for role in self.roles)


def normalise_phone(text: str) -> str:
    """A Chinese phone number in E.164 (+8613812345678).

    Full-width digits, spaces and dashes are accepted. Raises PhoneImpossible.
    """
    plain = re.sub(r"[\s\-()\u200b\u00a0]", "", unicodedata.normalize("NFKC", text))
    mobile = MOBILE.fullmatch(plain)
    if mobile and _is_mobile(mobile[1][:7]):
        return "+86" + mobile[1]
    try:
        number = phonenumbers.parse(plain, "CN")
    except phonenumbers.NumberParseException:
        raise PhoneImpossible(phone=text[:32]) from None
    if number.country_code != 86 or not phonenumbers.is_valid_number(number):
        raise PhoneImpossible(phone=text[:32])
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=20_000)
def _is_mobile(first: str) -> bool:
    """Whether there are mobile numbers that begin with these seven digits, which is all that the plan looks at."""
    return phonenumbers.is_valid_number(phonenumbers.parse(first + "0000", "CN"))


def sign_up(phone: str, password: str, name: str, roles: Iterable[Role], *, demo: bool = False, now: datetime) -> User:
    """A new person. Raises PhoneImpossible, PhoneTaken, PasswordWeak."""
    e164 = normalise_phone(phone)
    index = sealed.blind(e164, "phone/user")
    if session.scalar(select(User.id).where(User.phone_index == index)):
        raise PhoneTaken()
    id_ = new_id(now)
    user = User(
        id=id_,
        phone_sealed=sealed.seal(e164, table="users", column="phone", row_id=id_),
        phone_index=index,
        phone_tail=e164[-4:],
        name_sealed=sealed.seal(name.strip(), table="users", column="name", row_id=id_),
        password_hash=hash_password(password, phone=e164),
        roles=sorted(roles),
        demo=demo,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def by_phone(phone: str) -> User | None:
    """The person with this phone, if there is one. Raises PhoneImpossible."""
    return session.scalar(select(User).where(User.phone_index == sealed.blind(normalise_phone(phone), "phone/user")))


def by_id(user_id: UUID) -> User | None:
    """The person with this id."""
    return session.get(User, user_id)


def hash_password(password: str, *, phone: str = "") -> str:
    """An argon2id hash (OWASP minimum: m = 19 MiB, t = 2, p = 1). Raises PasswordWeak."""
    low, high = PASSWORD_LENGTH
    if not low <= len(password) <= high or password.lower() in COMMON or (phone and password in phone):
        raise PasswordWeak()
    with _turn():
        return aside(_hasher.hash, password)


def password_fits(user: User | None, password: str) -> bool:
    """Whether the password is right. An unknown person costs the same time as a known one."""
    with _turn():
        try:
            aside(_hasher.verify, user.password_hash if user else _nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
    return user is not None and user.disabled_at is None and not (user.demo and settings().world == "live")


def rehash_if_old(user: User, password: str) -> None:
    """Hash anew when the parameters have changed since."""
    if _hasher.check_needs_rehash(user.password_hash):
        with _turn():
            user.password_hash = aside(_hasher.hash, password)


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


@contextmanager
def _turn() -> Iterator[None]:
    """At most two hashes at once and twenty waiting: each takes 19 MiB and 20 ms of a core."""
    if not _queue.acquire(blocking=False):
        raise TooMany(retry_after=2)
    try:
        with _hashing:
            yield
    finally:
        _queue.release()
