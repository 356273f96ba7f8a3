"""Know every table: import each module of a package, so that its models are registered."""

import pkgutil
from importlib import import_module
from types import ModuleType

SKIPPED = {"testing", "supervise", "bootstrap", "embedded", "stream", "standin", "api", "commands", "demo"}
PACKAGES = ("core", "logistics", "shop", "orders")


def load(package: str) -> ModuleType:
    """Import the concept modules of a package (not its views, servers or commands)."""
    root = import_module(package)
    for found in pkgutil.iter_modules(root.__path__):
        if found.name not in SKIPPED:
            import_module(f"{package}.{found.name}")
    return root


def load_all() -> None:
    """Every table of the house."""
    for package in PACKAGES:
        load(package)
