"""measure: `bench [NAME …]` prints one JSON object a line; without a name, everything"""

import subprocess
import sys
from collections.abc import Sequence

from core.settings import ROOT
from core.supervise import say


def main(args: Sequence[str]) -> int:
    """Run benchmarks one after the other, each in a process of its own."""
    known = sorted(file.stem for file in (ROOT / "benchmarks").glob("[a-z]*.py"))
    unknown = [name for name in args if name not in known]
    if unknown:
        say(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(known)}.")
        return 2
    codes = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=False).returncode
        for name in args or known
    ]
    return max(codes, default=0)
