"""The world of the planning cases, as matching meets it."""

from tests.planning.conftest import world

__all__ = ["world"]
