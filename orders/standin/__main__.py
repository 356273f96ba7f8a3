"""`python -m orders.standin`: the stand-in on its own, on this machine's loopback address."""

from werkzeug.serving import run_simple

from core.settings import settings
from orders.standin import _running

run_simple("127.0.0.1", settings().standin_port, _running(), threaded=True)
