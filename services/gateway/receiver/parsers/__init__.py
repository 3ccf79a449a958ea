"""Reading push notifications: one module a family, each a pure function from a parsed body to pushes.

`recognition` knows which parser reads a body. No parser raises on any JSON: what it does not find it names.
"""
