"""run the suite; further words go to pytest"""

import os
import subprocess
import sys
from collections.abc import Sequence

from core.settings import ROOT


def main(args: Sequence[str]) -> int:
    """The suite, on two workers where the machine has them; what must run alone runs after."""
    pytest = [sys.executable, "-m", "pytest"]
    if args:
        return subprocess.run([*pytest, *args], cwd=ROOT, check=False).returncode
    workers = min(os.cpu_count() or 1, 2)
    return subprocess.run([*pytest, "-n", str(workers), "--dist", "loadgroup"], cwd=ROOT, check=False).returncode
