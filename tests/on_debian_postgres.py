"""Run the suite against a server of Debian's PostgreSQL, given by DATABASE_URL as a real deployment gives it.

`python -m tests.on_debian_postgres FOLDER_OF_ITS_PROGRAMS [words for pytest]`
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from core import embedded

PYTEST = [
    "-n",
    "2",
    "--dist",
    "loadgroup",
    "-m",
    "not browser and not faults",
    "--ignore",
    "tests/core/test_embedded.py",
]


def main(programs: str, words: list[str]) -> int:
    """The suite's exit code."""
    os.environ["XIAOXIANG_POSTGRES_BIN"] = programs
    with tempfile.TemporaryDirectory(prefix="xx-pg15-") as home:
        server = embedded.Server(Path(home), options=["fsync=off"])
        server.start()
        del os.environ["XIAOXIANG_POSTGRES_BIN"]
        url = server.place.url("postgres", "postgres")
        try:
            command = [sys.executable, "-m", "pytest", *(words or PYTEST)]
            return subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=False).returncode
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
