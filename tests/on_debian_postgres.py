"""Run the suite against a server of Debian's PostgreSQL, given by DATABASE_URL as a real deployment gives it.

`python -m tests.on_debian_postgres FOLDER_OF_ITS_PROGRAMS [words for pytest]`
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from core import embedded

LEFT_OUT = ("core/test_embedded.py", "core/test_bootstrap.py", "journeys", "standin", "browser", "faults")
"""What starts a PostgreSQL of its own, or none."""
PYTEST = ["-n", "2", "--dist", "loadgroup", *(f"--ignore=tests/{name}" for name in LEFT_OUT)]


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
