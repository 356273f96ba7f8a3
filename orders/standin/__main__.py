"""`python -m orders.standin`: the stand-in on its own, on this machine's loopback address."""

from werkzeug.serving import run_simple

from core.settings import SettingsWrong, settings
from orders.standin import house_app

try:
    port = settings().standin_port
except SettingsWrong as wrong:
    raise SystemExit(str(wrong)) from None
run_simple("127.0.0.1", port, house_app(), threaded=True)
