"""The four services: `gateway` serves HTTP, `config` decides and keeps, `runner` executes, `hubsync` mirrors
webhooks.

They meet only through the package shared: none imports another.
"""
