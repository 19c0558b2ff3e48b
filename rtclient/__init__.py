"""Talk with a realtime speech model: client, wire protocol and an embedded engine."""

__version__ = "0.1.0"

__all__ = ["__version__"]
