"""The video server: nginx with its RTMP module, found on this machine and set up from `deploy/nginx`."""

import hmac
import logging
import os
import pwd
import re
import resource
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from core import i18n
from core.i18n import _
from core.settings import ROOT, Settings, settings
from core.supervise import Service

log = logging.getLogger(__name__)

TEMPLATE = ROOT / "deploy" / "nginx" / "video.conf"
PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin")
"""Where nginx is when it is not on the path, as for everybody but root."""
MODULE = "ngx_rtmp_module.so"
FILES_MAX = 16_384
TIMEOUT_S = 3
SECRET_HEADER = "X-Video-Secret"  # noqa: S105  # the name of the header
MISSING = _(
    "这台机器上没有带 RTMP 模块的 nginx，这次不带直播画面。"
    "要装（Debian、Ubuntu）：apt-get install nginx libnginx-mod-rtmp"
)
WRONG = _("nginx 起不来（{reason}），这次不带直播画面。")


class NoVideoServer(Exception):
    """There is none, or it does not start; the text says what to do, in the reader's language."""


@dataclass(frozen=True)
class Nginx:
    """A program of this machine, and its module where that is a file of its own."""

    program: Path
    module: Path | None


def find() -> Nginx | None:
    """nginx that takes RTMP, or None."""
    program = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    if program is None:
        return None
    told = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False).stderr
    if re.search(r"--add-module=\S*rtmp", told):
        return Nginx(Path(program), None)
    folder = re.search(r"--modules-path=(\S+)", told)
    module = Path(folder[1]) / MODULE if folder else None
    return Nginx(Path(program), module) if module and module.exists() else None


def folder(found: Settings) -> Path:
    """Its configuration, and the last seconds of every live picture."""
    return found.home / "video"


def secret(found: Settings) -> str:
    """What the two sides prove themselves with; made of a key, so that nobody has to keep it."""
    return hmac.digest(found.key("ticket"), b"video server", "sha256").hex()


def configuration(found: Settings, nginx: Nginx) -> str:
    """The template, filled in for this house."""
    as_root = os.geteuid() == 0
    filled = {
        "LOAD": f"load_module {nginx.module};" if nginx.module else "",
        "USER": f"user {pwd.getpwuid(0).pw_name};" if as_root else "",
        "FILES": str(min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], FILES_MAX)),
        "FOLDER": _quotable(folder(found)),
        "RTMP": found.rtmp,
        "VIDEO": str(found.video_port),
        "SHOW": str(found.video_show_port),
        "STAGE": f"show-{secret(found)[:32]}",
        "INNER": str(found.video_inner_port),
        "WEB": str(found.port),
        "HOST": urlsplit(found.public_url).hostname or "127.0.0.1",
        "SECRET": secret(found),
    }
    return re.sub(r"@([A-Z]+)@", lambda name: filled[name[1]], TEMPLATE.read_text(encoding="utf-8"))


def service(found: Settings) -> Service:
    """What `run` starts. Raises NoVideoServer."""
    nginx = find()
    if nginx is None:
        raise NoVideoServer(i18n.render(MISSING))
    place = folder(found)
    for part in (place, place / "hls", place / "tmp"):
        part.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = place / "nginx.conf"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(configuration(found, nginx))
    command = [str(nginx.program), "-e", "stderr", "-p", str(place), "-c", str(file)]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=TIMEOUT_S * 5, check=False)
    if tried.returncode:
        told = [line for line in tried.stderr.splitlines() if "[emerg]" in line] or tried.stderr.splitlines() or [""]
        raise NoVideoServer(i18n.render(WRONG, reason=told[0][:300]))
    health = f"http://127.0.0.1:{found.video_port}/healthz"
    return Service("video", command, found.home / "logs" / "video.log", health, ends_by=signal.SIGTERM)


def ports(found: Settings) -> tuple[int, ...]:
    """What it listens on."""
    return found.video_port, found.video_inner_port, found.video_show_port, int(found.rtmp.rpartition(":")[2])


def drop(name: str) -> bool:
    """End the push that is shown under a name; whether the server heard it. It asks us every few seconds anyway."""
    found = settings()
    query = urlencode({"app": "live", "name": name})
    address = f"http://127.0.0.1:{found.video_inner_port}/control/drop/publisher?{query}"
    asked = urllib.request.Request(address, headers={SECRET_HEADER: secret(found)})
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310  # our own address
            return int(answer.status) == 200
    except urllib.error.HTTPError as answer:
        if answer.code == 404:
            return True  # nobody pushes under this name
        log.warning("the video server does not drop: %s", answer.code)
    except OSError as trouble:
        log.warning("the video server does not answer: %s", type(trouble).__name__)
    return False


def use_language_of(env: Mapping[str, str]) -> None:
    """What is said at a terminal is said in the terminal's language."""
    told = next((env[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if env.get(name)), "")
    i18n.use_language("zh" if told.startswith("zh") else "en")


def _quotable(place: Path) -> str:
    """A path as nginx reads it inside a directive. Raises NoVideoServer for one that it cannot."""
    if re.search(r"[\"'\\;{}$\s]", str(place)):
        raise NoVideoServer(i18n.render(WRONG, reason=str(place)))
    return str(place)
