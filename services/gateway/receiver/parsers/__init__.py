"""Reading push notifications: `dockerhub`, `distribution`, and `generic` for all others by their rows in
`registries`.

`recognition` knows which parser reads a body. All read single values by `values`. No parser raises on any JSON: what
it does not find it names.
"""
