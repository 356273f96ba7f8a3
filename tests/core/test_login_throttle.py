"""Log-in: guessing is slowed down, nobody is locked out, and a stranger learns nothing."""

import statistics
import time
from datetime import UTC, datetime, timedelta

import pytest

from core import auth, devices, sealed, throttle
from core.auth import LoginWrong
from core.db import session, transaction
from core.errors import TooMany
from core.users import PhoneImpossible
from tests import make

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
OWNER = "13812345678"
PASSWORD = "peach-season"


def attempt(password, *, phone=OWNER, address="203.0.113.9", device="", now=NOON):
    """What a try to sign in ends in: in, wrong, slow."""
    try:
        with transaction():
            auth.sign_in(phone, password, address=address, agent="test", device=device, now=now)
    except LoginWrong:
        return "wrong"
    except TooMany:
        return "slow"
    return "in"


@pytest.fixture
def owner(race_db):
    with transaction():
        return make.user(phone=OWNER)


def test_the_right_password_opens(owner):
    assert attempt(PASSWORD) == "in"


def test_after_five_wrong_passwords_even_the_right_one_must_wait(owner):
    assert [attempt("wrong-password") for _ in range(6)] == ["wrong"] * 5 + ["slow"]
    assert attempt(PASSWORD) == "slow"
    assert attempt(PASSWORD, now=NOON + timedelta(minutes=3)) == "in"


def test_other_addresses_do_not_buy_more_tries(owner):
    ends = [attempt("wrong-password", address=f"203.0.113.{last}") for last in range(8)]
    assert ends == ["wrong"] * 5 + ["slow"] * 3


def test_the_owner_gets_in_on_his_own_device_while_he_is_attacked(owner):
    known = auth.known_device("", OWNER)
    for _ in range(50):
        attempt("wrong-password")
    assert attempt(PASSWORD, device=known) == "in"


def test_a_known_device_has_its_own_ten_tries(owner):
    known = auth.known_device("", OWNER)
    ends = [attempt("wrong-password", device=known) for _ in range(11)]
    assert ends == ["wrong"] * 10 + ["slow"]


def test_a_device_known_to_one_person_is_strange_to_another(owner):
    known = auth.known_device("", "13812345679")
    assert devices.number(known, sealed.blind("+8613812345679", "phone/throttle"))
    assert devices.number(known, sealed.blind("+8613812345678", "phone/throttle")) is None


@pytest.mark.parametrize("cookie", ["", "x", "0" * 32, "0" * 32 + "." + "0" * 16, "0" * 31, "0" * 32 + ".0" * 100])
def test_a_made_up_device_is_strange(cookie):
    assert devices.number(cookie, b"account") is None
    assert devices.number(devices.remember(cookie, b"account"), b"account")


def test_a_device_remembers_the_last_sixty_four():
    cookie = ""
    for person in range(70):
        cookie = devices.remember(cookie, b"%d" % person)
    assert devices.number(cookie, b"69")
    assert devices.number(cookie, b"6")
    assert devices.number(cookie, b"5") is None
    assert len(cookie) < 1_200


def test_fifty_villagers_sign_in_on_one_tablet(race_db):
    phones = [f"1371111{last:04d}" for last in range(50)]
    with transaction():
        hashed = make.user(phone=phones[0]).password_hash
    with transaction():
        for phone in phones[1:]:
            _with_hash(phone, hashed)
    tablet, ends = "", set()
    for phone in phones * 2:
        ends.add(attempt(PASSWORD, phone=phone, address="198.51.100.7", device=tablet))
        tablet = auth.known_device(tablet, phone)
    assert ends == {"in"}


def _with_hash(phone, hashed):
    """A person without the 20 ms that a fresh hash takes."""
    from core.db import new_id
    from core.users import User

    id_ = new_id()
    e164 = "+86" + phone
    session.add(
        User(
            id=id_,
            phone_sealed=sealed.seal(e164, table="users", column="phone", row_id=id_),
            phone_index=sealed.blind(e164, "phone/user"),
            phone_tail=e164[-4:],
            name_sealed=sealed.seal("村民", table="users", column="name", row_id=id_),
            password_hash=hashed,
            roles=["buyer"],
            created_at=NOON,
        )
    )


def test_one_address_may_guess_a_hundred_times_in_all(race_db, monkeypatch):
    monkeypatch.setattr(auth.users, "password_fits", lambda _user, _password: False)
    ends = [attempt("wrong-password", phone=f"1372222{last:04d}") for last in range(105)]
    assert ends.count("wrong") == 100
    assert attempt("wrong-password", phone="13733330000", address="198.51.100.1") == "wrong"


def test_an_address_of_version_six_counts_by_its_network(race_db, monkeypatch):
    monkeypatch.setattr(auth.users, "password_fits", lambda _user, _password: False)
    ends = [attempt("wrong", phone=f"1372222{last:04d}", address=f"2001:db8::{last:x}") for last in range(101)]
    assert ends[-1] == "slow"


def test_an_unknown_phone_takes_the_same_time_and_the_same_words(race_db):
    with transaction():
        make.user(phone=OWNER)
    attempt("wrong-password", phone="13733330001")

    def taken(phone):
        throttle.forget_all()
        start = time.perf_counter()
        assert attempt("wrong-password", phone=phone) == "wrong"
        return time.perf_counter() - start

    known = statistics.median(taken(OWNER) for _ in range(9))
    unknown = statistics.median(taken("13733330001") for _ in range(9))
    assert abs(known - unknown) < 0.6 * max(known, unknown)


def test_a_disabled_person_stays_outside(owner):
    with transaction():
        session.merge(owner).disabled_at = NOON
    assert attempt(PASSWORD) == "wrong"


def test_no_telephone_has_this_number(race_db):
    with pytest.raises(PhoneImpossible):
        auth.sign_in("12345", "x", address="203.0.113.9", agent="test", now=NOON)


def test_the_table_of_counters_tells_no_phone(owner):
    attempt("wrong-password")
    with transaction():
        keys = " ".join(session.scalars(throttle.select(throttle.Throttle.key)))
    assert OWNER not in keys
    assert "login:strange:" in keys
