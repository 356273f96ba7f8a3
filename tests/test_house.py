"""The rules of the house itself: sizes, arrows, closed doors, two languages, migrations that fit the models."""

import ast
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from sqlalchemy import create_engine, pool, text

from core import db as database
from core import i18n
from tests.addresses import addresses

pytestmark = pytest.mark.xdist_group("rules")
ROOT = Path(__file__).resolve().parent.parent
RULES = [name for name in ("core", "logistics", "shop", "orders", "postal", "web") if (ROOT / name).is_dir()]
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
SECRETS = ("token", "mac", "signature", "secret", "password")
"""Compared by `hmac.compare_digest` only, which takes the same time however much of them is right."""
NAMES_REFUSED = {"utils", "util", "helpers", "helper", "manager", "models", "common", "misc"}
TEXT_KINDS = {".py", ".html", ".js", ".css", ".md", ".toml", ".ini", ".in", ".lock", ".txt", ".yml", ".po", ".svg", ""}


def _sources() -> list[Path]:
    return [file for name in RULES for file in sorted((ROOT / name).rglob("*.py"))]


def _tracked() -> list[Path]:
    """Every file of the project: what git knows, or in a plain copy all that is not made by running it."""
    asked = subprocess.run(
        ["git", "-c", "core.quotepath=off", "ls-files", "-coz", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if asked.returncode == 0:
        return [ROOT / name for name in asked.stdout.split("\0") if name and (ROOT / name).is_file()]
    made = {".venv", ".state", "__pycache__"}
    return [file for file in ROOT.rglob("*") if file.is_file() and not made & set(file.parts)]


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _short(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.no_db
def test_no_file_of_rules_is_longer_than_a_concept():
    lengths = {_short(file): len(file.read_text(encoding="utf-8").splitlines()) for file in _sources()}
    assert not {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX}


@pytest.mark.no_db
def test_no_function_is_longer_than_a_screen():
    functions = [
        (f"{_short(file)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for file in _sources()
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert not [found for found in functions if found[1] > FUNCTION_LINES_MAX]


@pytest.mark.no_db
def test_files_are_named_for_what_they_hold():
    assert not [_short(file) for file in _sources() if file.stem in NAMES_REFUSED]


@pytest.mark.no_db
def test_imports_run_one_way():
    call = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", call, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _dangers(file: Path) -> Iterator[str]:
    for node in ast.walk(_tree(file)):
        where = f"{_short(file)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ExceptHandler) and len(node.body) == 1 and isinstance(node.body[0], ast.Pass):
            yield f"{where} swallows an exception"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
            yield f"{where} {node.func.id}"
        if isinstance(node, ast.keyword) and node.arg == "shell" and getattr(node.value, "value", None) is True:
            yield f"{where} shell=True"
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Markup":
            yield f"{where} Markup("
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = [getattr(side, "id", getattr(side, "attr", "")) for side in (node.left, *node.comparators)]
            yield from (f"{where} compares {name} in the open" for name in sides if name.endswith(SECRETS))
        imported = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (f"{where} {name}" for name in imported if name.split(".")[0] in {"pickle", "marshal", "shelve"})


@pytest.mark.no_db
def test_nothing_dangerous_stands_in_the_code():
    doors = [ROOT / name for name in ("manage.py", "app.py", "wsgi.py", "gunicorn.conf.py")]
    assert not [danger for file in [*_sources(), *doors] for danger in _dangers(file)]


@pytest.mark.no_db
def test_no_template_lets_text_through_unescaped():
    templates = [file for name in RULES for file in (ROOT / name).rglob("*.html")]
    opened = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(")
    assert not [_short(file) for file in templates if opened.search(file.read_text(encoding="utf-8"))]


@pytest.mark.no_db
def test_no_value_is_written_into_sql():
    """At the edge, where requests come in, no SQL is put together from strings at all."""
    found = []
    for file in _sources():
        if "api" in file.parts or file.parent.name == "web":
            calls = [n for n in ast.walk(_tree(file)) if isinstance(n, ast.Call)]
            named = [c for c in calls if getattr(c.func, "id", getattr(c.func, "attr", "")) in {"text", "execute"}]
            found += [f"{_short(file)}:{c.lineno}" for c in named if c.args and isinstance(c.args[0], ast.JoinedStr)]
    assert not found


@pytest.mark.no_db
def test_the_project_names_no_machine_and_no_registry():
    words = ("/wo" + "rk/", "/ro" + "ot/", "py" + "pi.org", "python" + "hosted", "npm" + "js.", "deb.deb" + "ian.org")
    files = [file for file in _tracked() if file.suffix in TEXT_KINDS and ".min." not in file.name]
    read = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    assert not [f"{_short(file)}: {word}" for file, body in read.items() for word in words if word in body]


@pytest.mark.no_db
def test_vendored_files_are_the_ones_that_were_looked_at():
    folder = ROOT / "web" / "static" / "vendor"
    listed = (folder / "VENDOR.md").read_text(encoding="utf-8")
    for file in sorted(folder.glob("*.js")) + sorted(folder.glob("*.css")):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert digest in listed, f"{file.name} {digest} is not in VENDOR.md"


def _messages() -> Iterator[tuple[str, str]]:
    """Every text marked for translation, with the place it stands at."""
    from jinja2 import Environment

    for file in _sources():
        for node in ast.walk(_tree(file)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_" and node.args:
                assert isinstance(node.args[0], ast.Constant), f"{_short(file)}:{node.lineno}: mark a literal text"
                yield str(node.args[0].value), f"{_short(file)}:{node.lineno}"
    jinja = Environment(autoescape=True, extensions=["jinja2.ext.i18n", "jinja2.ext.do"])
    for name in RULES:
        for file in (ROOT / name).rglob("*.html"):
            found = jinja.extract_translations(file.read_text(encoding="utf-8"), gettext_functions=("_",))
            for line, _, words in found:
                marked = words if isinstance(words, str) else words[0]  # with its facts a text comes as a tuple
                assert isinstance(marked, str), f"{_short(file)}:{line}: mark a literal text"
                yield marked, f"{_short(file)}:{line}"


@pytest.mark.no_db
def test_every_text_has_its_english():
    i18n.catalogue.cache_clear()
    known = i18n.catalogue("en")
    missing = {words: where for words, where in _messages() if words not in known}
    assert not missing, "\n".join(f"{where}  {words}" for words, where in sorted(missing.items(), key=lambda m: m[1]))


@pytest.mark.no_db
def test_a_text_means_the_same_wherever_it_stands():
    """The catalogues are one: a text that two packages put into other words would be wrong in one of them."""
    meanings: dict[str, set[str]] = {}
    for name in RULES:
        with (ROOT / name / "translations" / "en.po").open("rb") as source:
            for message in read_po(source, locale="en"):
                if message.id:
                    meanings.setdefault(str(message.id), set()).add(str(message.string))
    assert not {words: english for words, english in meanings.items() if len(english) > 1}


@pytest.mark.no_db
def test_translations_name_the_same_facts():
    named = re.compile(r"{(\w+)")
    pairs = i18n.catalogue("en").items()
    assert not [source for source, english in pairs if set(named.findall(source)) != set(named.findall(english))]


def test_every_view_says_who_may_call_it_and_strangers_meet_a_closed_door(app, client):
    """Walk the URL map: whatever is not public answers a stranger with 401, or sends him to the log-in page."""
    opened = []
    for rule, path in addresses(app):
        if app.view_functions[rule.endpoint].access == "public":
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(path, method=method, headers={"Sec-Fetch-Site": "same-origin"})
            to_login = answer.status_code in (302, 303) and "/login" in answer.headers.get("Location", "")
            if answer.status_code != 401 and not to_login:
                opened.append(f"{method} {rule.rule} → {answer.status_code}")
    assert not opened


def _left_over(url: str) -> list[str]:
    engine = create_engine(database.sqlalchemy_url(url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        query = (
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v')"
            " UNION ALL SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace"
            "   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
            " UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'"
        )
        found = [str(name) for name in connection.scalars(text(query)) if name != "alembic_version"]
    engine.dispose()
    return found


def test_migrations_go_up_fit_the_models_go_down_to_nothing_and_up_again(empty_db):
    from alembic import command

    from core.migrating import alembic_config

    config = alembic_config(empty_db)
    command.upgrade(config, "head")
    command.check(config)
    command.downgrade(config, "base")
    assert not _left_over(empty_db)
    command.upgrade(config, "head")
