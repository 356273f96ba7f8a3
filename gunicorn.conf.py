"""How gunicorn serves: `XIAOXIANG_SERVICE` is web (default), stream or standin; the rest comes from the environment."""

import os
import resource
from pathlib import Path
from typing import Any

service = os.environ.get("XIAOXIANG_SERVICE", "web")
port = int(os.environ.get("XIAOXIANG_PORT") or 8000)

bind = [os.environ.get("XIAOXIANG_BIND") or f"127.0.0.1:{port + ('web', 'stream', 'standin').index(service)}"]
proc_name = f"xiaoxiang-{service}"
wsgi_app = {"web": "wsgi:app", "stream": "shop.stream:create_stream_app()", "standin": "orders.standin:app"}[service]

# A stop waits this long for open requests; streams would hold it for the whole time.
graceful_timeout = 3
timeout = 30
keepalive = 30
# Two instances on one machine would fight for the default control socket.
control_socket_disable = True
if Path("/dev/shm").is_dir():  # noqa: S108  # a heartbeat file, made by gunicorn for itself
    worker_tmp_dir = "/dev/shm"  # noqa: S108
# Request lines and headers are small here.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
errorlog = "-"
loglevel = "warning"
capture_output = False

if service == "web":
    # Many wait for the same commit at once (orders.intake); a thread for each of them would cost more than its work.
    worker_class = "gevent"
    workers = int(os.environ.get("XIAOXIANG_WEB_WORKERS") or 2)
    worker_connections = 1000
elif service == "stream":
    worker_class = "gevent"
    workers = 1
    worker_connections = 6000
    # Each viewer is one open file; many machines allow 1,024 at first.
    _soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))
else:
    worker_class = "gthread"
    workers = 1
    threads = 8


def post_fork(server: Any, worker: Any) -> None:
    """A worker whose master was killed serves nobody any more and would keep the port."""
    from core.lifeline import die_with

    die_with(worker.ppid)
