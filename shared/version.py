"""The release that this code is, or the last one before it."""

__version__ = "0.1.0"
