"""Hooks at registries: which are wanted, which tokens count, and at which address.

`wanted` answers hubsync, `allowlist` the gateway, `public_url` is Portside's own address.
"""
