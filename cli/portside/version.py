"""The release of this command; `scripts/release` writes it together with that of the services."""

__version__ = "0.2.0.dev0"
