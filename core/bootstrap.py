"""Set-up of a fresh machine: a virtual environment with every pinned package. Standard library only.

Works with Debian's Python, which refuses system-wide installs and comes without ensurepip: the environment is made
without pip, and the outer pip fills it. A stamp written last tells a finished set-up from a half-finished one.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from core.lifeline import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
FREE_BYTES_MIN = 600 * 1024**2
"""What the environment takes at most while it is filled, downloads included."""


class SetupFailed(Exception):
    """The environment cannot be made; the text is one line that says what to do."""


def wanted_locks(*, tests: bool, embedded: bool) -> list[Path]:
    """The lock files a command needs."""
    names = ["requirements.lock"]
    if embedded:
        names.append("requirements-embedded.lock")
    if tests:
        names.append("requirements-test.lock")
    return [ROOT / name for name in names]


def prepare(locks: list[Path], *, folder: Path = VENV) -> Path:
    """Make sure that `folder` holds every package of `locks`; its interpreter. Raises SetupFailed.

    Costs a few milliseconds when nothing is to do. Two calls at once wait for each other.
    """
    wanted = {lock.name: hashlib.sha256(lock.read_bytes()).hexdigest() for lock in locks}
    python = folder / "bin" / "python"
    if _missing(folder, wanted):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with open(folder.parent / f"{folder.name}.lock", "w") as guard:
                fcntl.flock(guard, fcntl.LOCK_EX)
                _fill(folder, locks, wanted)
        except OSError as wrong:
            raise SetupFailed(f"Cannot write the environment {folder}: {wrong.strerror}.") from wrong
    return python


def _stamp(folder: Path) -> dict[str, str] | None:
    """What the environment was made of, or None when its making did not end."""
    try:
        found = json.loads((folder / "stamp.json").read_text())
    except (OSError, ValueError):
        return None
    usable = found.get("python") == sys.version.split()[0] and (folder / "bin" / "python").exists()
    return found if usable and found.get("folder") == str(folder) else None


def _missing(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Names of the lock files that the environment does not hold yet."""
    have = _stamp(folder) or {}
    return [name for name, digest in wanted.items() if have.get(name) != digest]


def _fill(folder: Path, locks: list[Path], wanted: dict[str, str]) -> None:
    missing = _missing(folder, wanted)
    if not missing:
        return
    stamp = _stamp(folder)
    if stamp is None:
        stamp = {"python": sys.version.split()[0], "folder": str(folder)}
        _make(folder)
    (folder / "stamp.json").unlink(missing_ok=True)
    _say(f"Installing the packages of {', '.join(missing)} (once, about a minute) …")
    _install(folder, [lock for lock in locks if lock.name in missing])
    stamp.update({name: wanted[name] for name in missing})
    fresh = folder / "stamp.json.new"
    fresh.write_text(json.dumps(stamp))
    fresh.replace(folder / "stamp.json")


def _make(folder: Path) -> None:
    """An empty environment; what an interrupted set-up left behind goes away first."""
    free = shutil.disk_usage(folder.parent).free
    if free < FREE_BYTES_MIN:
        need = FREE_BYTES_MIN // 1024**2
        raise SetupFailed(f"The disk of {folder.parent} has {free // 1024**2} MB free; set-up needs {need} MB.")
    if folder.exists():
        _say("The earlier set-up did not finish or no longer fits: starting it afresh.")
        shutil.rmtree(folder)
    has_pip = importlib.util.find_spec("pip") is not None
    if not has_pip and importlib.util.find_spec("ensurepip") is None:
        raise SetupFailed("Python has neither pip nor ensurepip: install pip (Debian: apt-get install python3-pip).")
    venv.EnvBuilder(symlinks=True, with_pip=not has_pip).create(folder)


def _install(folder: Path, locks: list[Path]) -> None:
    inner = str(folder / "bin" / "python")
    has_pip = importlib.util.find_spec("pip") is not None
    pip = [sys.executable, "-m", "pip", "--python", inner] if has_pip else [inner, "-m", "pip"]
    command = [*pip, "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-input"]
    env = {k: v for k, v in os.environ.items() if k not in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONHOME")}
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--no-warn-script-location"]
        + [part for lock in locks for part in ("-r", str(lock))],
        env=env | {"PIP_ROOT_USER_ACTION": "ignore"},
        preexec_fn=die_with_parent(),  # there is one thread yet
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SetupFailed(_reason(done.stderr))


def _reason(stderr: str) -> str:
    """One line about a failed installation."""
    if "No space left on device" in stderr:
        return "The disk is full: make room (600 MB) and call the same command again."
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR:")] or stderr.splitlines()[-1:]
    cause = lines[-1].removeprefix("ERROR:").strip() if lines else "pip gave no reason"
    return f"Installing the packages failed ({cause[:300]}). When that is mended, call the same command again."


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
