"""The third-party clients: their matrix."""

from tests.support.matrix import matrix

__all__ = ["matrix"]
