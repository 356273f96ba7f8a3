"""The yardstick of pages: a Flask application with one empty page, and nothing of the house."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def empty() -> str:
    """What no page can be faster than."""
    return ""
