"""YAML of many definitions: `importing` and `exporting` it, and `files`, the kind that offers both beside pipelines.

`outcomes` judges what an imported object will do here; `integration_versions` are the versions of custom integrations
among them.
"""
