"""What the tests here share: a running stand-in for Stripe."""

from tests.standin.running import standin

__all__ = ["standin"]
