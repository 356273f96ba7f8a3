"""Settings: read once from the environment, frozen. What the live world misses is an error, never a default."""

import fcntl
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

PURPOSES = ("csrf", "device", "field", "index", "session", "ticket", "webhook")
KEY_BYTES = 32
POOL_MAX = 100
ROOT = Path(__file__).resolve().parent.parent


class SettingsWrong(Exception):
    """The environment does not make sense; the text says what to do."""


class Secret(str):
    """A text that never shows itself."""

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True)
class Settings:
    """Everything that may differ between two machines."""

    world: str
    """demo or live."""
    home: Path
    """The state folder: photos, keys, the embedded database."""
    database_url: Secret
    """PostgreSQL that the web and the jobs use."""
    port: int
    """Web; the live stream answers on `stream_port`, the payment stand-in on `standin_port`."""
    keys: Mapping[str, tuple[tuple[int, bytes], ...]] = field(repr=False)
    """Key ring per purpose: (key id, 32 bytes), newest first."""
    keys_generated: bool
    keys_private: bool
    """Whether only the owner of the key file can read it."""
    stripe_key: Secret
    stripe_webhook_secret: Secret
    stripe_api_base: str | None
    """Where Stripe is: None is Stripe itself, an address is the stand-in."""
    public_url: str
    """How people reach the house, without a trailing slash."""
    behind_proxy: bool
    pool_size: int
    video: bool
    """Whether a video server runs beside the house."""
    rtmp: str
    """Where the video server takes pushes: address:port."""
    rtmp_named: str | None
    """How a host's program reaches that door, where that is not by our own name."""

    @property
    def stream_port(self) -> int:
        return self.port + 1

    @property
    def standin_port(self) -> int:
        return self.port + 2

    @property
    def rtmp_url(self) -> str:
        """What a host types into a program that pushes."""
        host, port = urlsplit(self.public_url).hostname, self.rtmp.rpartition(":")[2]
        return self.rtmp_named or f"rtmp://{host or '127.0.0.1'}:{port}/live"

    @property
    def video_port(self) -> int:
        """Where viewers fetch the live picture."""
        return self.port + 3

    @property
    def video_inner_port(self) -> int:
        """Between the video server and us."""
        return self.port + 5

    @property
    def video_show_port(self) -> int:
        """Between the two halves of the video server."""
        return self.port + 6

    @property
    def photo_dir(self) -> Path:
        return self.home / "photos"

    def key(self, purpose: str) -> bytes:
        """The newest key of a purpose."""
        return self.keys[purpose][0][1]


def make_keys() -> dict[str, list[list[object]]]:
    """A fresh key ring for every purpose, in the shape of the key file."""
    return {purpose: [[1, secrets.token_hex(32)]] for purpose in PURPOSES} | {"generated": [[1, "yes"]]}


def _key_file(env: Mapping[str, str], home: Path, world: str) -> Path:
    """The file with the keys; the demo world makes one on first use."""
    file = Path(env.get("XIAOXIANG_KEYS") or home / "keys.json")
    if not file.exists():
        if world == "live":
            raise SettingsWrong(f"The key file {file} is missing. Make one with: python3 manage.py make-keys {file}")
        home.mkdir(parents=True, exist_ok=True)
        _write_keys(file)
    return file


def _write_keys(file: Path) -> None:
    """New keys, all of them or none; where another process was quicker, its keys stay."""
    fresh = file.with_name(f"{file.name}.new")
    with file.with_name(f"{file.name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if file.exists():
            return
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(make_keys(), out)
            out.flush()
            os.fsync(out.fileno())
        fresh.rename(file)


def _read_keys(file: Path) -> tuple[Mapping[str, tuple[tuple[int, bytes], ...]], bool]:
    """The key rings, newest first, and whether they were generated. Raises SettingsWrong."""
    try:
        raw = json.loads(file.read_text())
        missing = [purpose for purpose in PURPOSES if not raw.get(purpose)]
        rings = {
            purpose: tuple(sorted(((int(number), bytes.fromhex(key)) for number, key in raw[purpose]), reverse=True))
            for purpose in PURPOSES
            if purpose not in missing
        }
    except (ValueError, TypeError, AttributeError):
        raise SettingsWrong(f"The key file {file} is damaged: bring back your copy of it") from None
    if missing:
        raise SettingsWrong(f"The key file {file} lacks keys for: {', '.join(missing)}")
    if any(len(key) != KEY_BYTES for ring in rings.values() for _number, key in ring):
        raise SettingsWrong(f"The key file {file} holds a key that is not {KEY_BYTES} bytes long")
    return rings, "generated" in raw


def _check_live(found: Settings, *, own_server: bool) -> None:
    """Refuse a live world that is built of demo parts (security: worlds apart)."""
    reasons = {
        "a live Stripe key (STRIPE_KEY=sk_live_… or rk_live_…)": found.stripe_key.startswith(("sk_live_", "rk_live_")),
        "the Stripe webhook secret (STRIPE_WEBHOOK_SECRET)": bool(found.stripe_webhook_secret),
        "keys made for it (manage.py make-keys), not generated ones": not found.keys_generated,
        "a proxy in front (XIAOXIANG_BEHIND_PROXY=1)": found.behind_proxy,
        "Stripe itself, not a stand-in (unset STRIPE_API_BASE)": found.stripe_api_base is None,
        "a PostgreSQL server (DATABASE_URL), not the embedded one": not own_server,
        "keys that no other program was given (their file is 0600)": found.keys_private,
        "an https address (XIAOXIANG_PUBLIC_URL)": found.public_url.startswith("https://"),
    }
    missing = [need for need, met in reasons.items() if not met]
    if missing:
        raise SettingsWrong("The live world needs " + "; ".join(missing))


def _number(env: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    typed = env.get(name) or str(otherwise)
    if not typed.isdecimal() or not 1 <= int(typed) <= most:
        raise SettingsWrong(f"{name} must be a number from 1 to {most}, not {typed!r}")
    return int(typed)


def _door(env: Mapping[str, str], name: str, otherwise: str) -> str:
    """An address and a port to listen on."""
    typed = env.get(name) or otherwise
    if not re.fullmatch(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]):\d{1,5}", typed):
        raise SettingsWrong(f"{name} must be an address and a port, as in 0.0.0.0:1935, not {typed!r}")
    return typed


def read(env: Mapping[str, str]) -> Settings:
    """Settings from an environment. Raises SettingsWrong with the cause and the way out."""
    home = Path(env.get("XIAOXIANG_HOME") or ROOT / ".state").absolute()
    world = env.get("XIAOXIANG_WORLD") or ("" if env.get("DATABASE_URL") else "demo")
    if world not in ("demo", "live"):
        raise SettingsWrong(
            "With DATABASE_URL set, say which world it is: XIAOXIANG_WORLD=demo or XIAOXIANG_WORLD=live"
        )
    port = _number(env, "XIAOXIANG_PORT", 8000, 65_529)
    key = Secret(env.get("STRIPE_KEY", ""))
    if world == "demo" and key.startswith(("sk_live_", "rk_live_")):
        raise SettingsWrong("A live Stripe key does not belong into the demo world: unset STRIPE_KEY")
    key_file = _key_file(env, home, world)
    rings, generated = _read_keys(key_file)
    standin = not key and world == "demo"
    found = Settings(
        world=world,
        home=home,
        database_url=Secret(env.get("XIAOXIANG_DATABASE_URL") or env.get("DATABASE_URL") or ""),
        port=port,
        keys=rings,
        keys_generated=generated,
        keys_private=not key_file.stat().st_mode & 0o077,
        stripe_key=key or Secret("sk_test_standin"),
        stripe_webhook_secret=Secret(
            env.get("STRIPE_WEBHOOK_SECRET") or ("whsec_" + rings["webhook"][0][1].hex() if standin else "")
        ),
        stripe_api_base=env.get("STRIPE_API_BASE") or (f"http://127.0.0.1:{port + 2}" if standin else None),
        public_url=(env.get("XIAOXIANG_PUBLIC_URL") or f"http://127.0.0.1:{port}").rstrip("/"),
        behind_proxy=env.get("XIAOXIANG_BEHIND_PROXY") == "1",
        pool_size=_number(env, "XIAOXIANG_POOL", 4, POOL_MAX),
        video=env.get("XIAOXIANG_VIDEO") == "1",
        rtmp=_door(env, "XIAOXIANG_RTMP", f"127.0.0.1:{port + 4}"),
        rtmp_named=env.get("XIAOXIANG_RTMP_URL"),
    )
    if world == "live":
        _check_live(found, own_server=not env.get("DATABASE_URL"))
    return found


@cache
def settings() -> Settings:
    """The settings of this process."""
    return read(os.environ)
