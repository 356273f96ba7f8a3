"""lint, format, types, import contract, migration drift, size caps"""

import subprocess
import sys
from collections.abc import Sequence

from core.settings import ROOT

HOUSE_RULES = "tests/test_house.py"
LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
CHECKS = (
    ("ruff check", ["-m", "ruff", "check", "--quiet", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "--quiet", "."]),
    ("mypy", ["-m", "mypy"]),
    ("import contract", ["-c", LINT_IMPORTS, "--no-cache"]),
    ("house rules and drift", ["-m", "pytest", "-q", "--no-header", HOUSE_RULES]),
)


def main(args: Sequence[str]) -> int:
    """Run every check, even after one failed; 1 when any did."""
    failed = []
    for name, command in CHECKS:
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
        print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name}", flush=True)
        if done.returncode:
            failed.append(name)
            print((done.stdout + done.stderr).strip(), flush=True)
    return 1 if failed else 0
