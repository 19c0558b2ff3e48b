"""The version of the package, where every module of it may ask for it."""

__version__ = "0.1.0"
