"""The release that this code is; with `.dev0`, the one that it becomes."""

__version__ = "0.2.0.dev0"
