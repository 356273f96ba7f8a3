"""Makers of rows for tests: `from tests import make; make.lot(low_g=5000)`.

One module a package; every public function of theirs is a maker here.
"""

import pkgutil
from importlib import import_module

for _found in pkgutil.iter_modules(__path__):
    _module = import_module(f"{__name__}.{_found.name}")
    globals().update(
        {
            name: maker
            for name, maker in vars(_module).items()
            if callable(maker) and getattr(maker, "__module__", "") == _module.__name__ and not name.startswith("_")
        }
    )
