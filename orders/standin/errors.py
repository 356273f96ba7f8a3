"""What goes wrong, in Stripe's own words."""


class StripeSays(Exception):
    """An error in Stripe's own words."""

    def __init__(self, status: int, kind: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **more}}


def invalid(message: str, *, param: str = "", code: str = "parameter_invalid") -> StripeSays:
    """A request that makes no sense."""
    return StripeSays(400, "invalid_request_error", message, code=code, param=param)
