"""The IMAGE task: copying, promoting and retagging images between repositories and registries.

`manifests` reads what an image consists of, `copying` moves it, `places` says which repository a reference means.
"""
