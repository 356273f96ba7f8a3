"""The environment: made on a bare machine, made whole after an interruption, left alone when it fits."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core import bootstrap

pytestmark = pytest.mark.no_db
ROOT = Path(bootstrap.__file__).parent.parent


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "small.lock"
    file.write_text("# nothing to install\n")
    return file


def test_a_folder_with_spaces_and_chinese_characters_will_do(tmp_path, lock):
    python = bootstrap.prepare([lock], folder=tmp_path / "我的 项目" / ".venv")
    prefix = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert prefix.stdout.strip() == str(tmp_path / "我的 项目" / ".venv")


def test_a_finished_set_up_is_left_alone(tmp_path, lock):
    bootstrap.prepare([lock], folder=tmp_path / "env")
    mark = tmp_path / "env" / "mark"
    mark.touch()
    bootstrap.prepare([lock], folder=tmp_path / "env")
    assert mark.exists()


def test_a_half_finished_set_up_is_made_afresh(tmp_path, lock, capsys):
    folder = tmp_path / "env"
    bootstrap.prepare([lock], folder=folder)
    (folder / "stamp.json").unlink()
    (folder / "rubbish").touch()
    bootstrap.prepare([lock], folder=folder)
    assert not (folder / "rubbish").exists()
    assert "did not finish" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", '{"python": "2.7"}'])
def test_a_stamp_that_makes_no_sense_counts_as_none(tmp_path, lock, text):
    folder = tmp_path / "env"
    bootstrap.prepare([lock], folder=folder)
    (folder / "stamp.json").write_text(text)
    (folder / "rubbish").touch()
    bootstrap.prepare([lock], folder=folder)
    assert not (folder / "rubbish").exists()


def test_a_changed_lock_is_installed_into_what_stands(tmp_path, lock, monkeypatch):
    folder, installed = tmp_path / "env", []
    bootstrap.prepare([lock], folder=folder)
    other = tmp_path / "other.lock"
    other.write_text("# more\n")
    monkeypatch.setattr(bootstrap, "_install", lambda _folder, locks: installed.extend(locks))
    bootstrap.prepare([lock, other], folder=folder)
    assert installed == [other]


def test_a_moved_checkout_makes_its_environment_anew(tmp_path, lock):
    bootstrap.prepare([lock], folder=tmp_path / "env")
    (tmp_path / "env").rename(tmp_path / "moved")
    (tmp_path / "moved" / "rubbish").touch()
    bootstrap.prepare([lock], folder=tmp_path / "moved")
    assert not (tmp_path / "moved" / "rubbish").exists()


def test_a_failed_installation_says_why_in_one_line_and_is_not_taken_for_done(tmp_path):
    wrong = tmp_path / "wrong.lock"
    wrong.write_text("flask==3.1.3 --hash=sha256:" + "0" * 63 + "\n")
    with pytest.raises(bootstrap.SetupFailed) as refused:
        bootstrap.prepare([wrong], folder=tmp_path / "env")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "env" / "stamp.json").exists()


def test_a_full_disk_is_said_before_anything_is_written(tmp_path, lock, monkeypatch):
    monkeypatch.setattr(bootstrap, "FREE_BYTES_MIN", 1 << 62)
    with pytest.raises(bootstrap.SetupFailed, match="MB free"):
        bootstrap.prepare([lock], folder=tmp_path / "env")
    assert not (tmp_path / "env").exists()


def test_the_disk_that_fills_up_meanwhile_is_named(tmp_path):
    assert "disk is full" in bootstrap._reason("ERROR: Could not install: [Errno 28] No space left on device\n")


def test_every_package_of_the_locks_is_pinned_with_hashes_and_no_index_is_named():
    for name in ("requirements.lock", "requirements-embedded.lock", "requirements-test.lock"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?:|--index|--extra|--find-links|file:", text), name
        entries = re.split(r"\n(?=\S)", text.strip())
        for entry in entries:
            assert re.match(r"[A-Za-z0-9_.-]+==\S+", entry), entry[:60]
            assert "--hash=sha256:" in entry, entry[:60]


def test_what_runs_before_the_environment_stands_needs_the_standard_library_only():
    for file in ("manage.py", "core/bootstrap.py", "core/lifeline.py", "core/ending.py", "core/__init__.py"):
        for node in ast.parse((ROOT / file).read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            foreign = [n for n in names if n.split(".")[0] not in sys.stdlib_module_names | {"core"}]
            assert not foreign, (file, foreign)
