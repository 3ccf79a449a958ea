"""The IMAGE task: copies, promotes and retags images between repositories and registries.

`task` reads its input, `manifests` what an image consists of, `copying` moves it, `places` says which repository a
reference means.
"""
