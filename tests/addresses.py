"""Every address of the house, with something in the variable parts of its path."""

from collections.abc import Iterator
from uuid import UUID

from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule, UUIDConverter


def addresses(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule of the URL map with an address that fits it; static files are left out."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        arguments = {name: _sample(rule._converters[name]) for name in rule.arguments}
        with app.test_request_context():
            yield rule, app.url_for(rule.endpoint, **arguments) if rule.arguments else rule.rule


def _sample(converter: BaseConverter) -> object:
    """A value that fits into a variable part of a path."""
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return {UUIDConverter: UUID(int=7), IntegerConverter: 7}.get(type(converter), "7")
