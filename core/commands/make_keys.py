"""make a fresh key file for the live world: `make-keys FILE`"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from core.settings import PURPOSES, make_keys
from core.supervise import say


def main(args: Sequence[str]) -> int:
    """Write new keys into a file that does not exist yet; only its owner may read it."""
    if len(args) != 1:
        say("Name the file: python3 manage.py make-keys FILE")
        return 2
    file = Path(args[0])
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        say(f"{file} exists already; keys are never overwritten, as sealed data would be lost.")
        return 1
    with os.fdopen(descriptor, "w") as out:
        json.dump({purpose: ring for purpose, ring in make_keys().items() if purpose in PURPOSES}, out)
    say(f"Keys written to {file}: keep a copy in a safe place. Use them by XIAOXIANG_KEYS={file}")
    return 0
