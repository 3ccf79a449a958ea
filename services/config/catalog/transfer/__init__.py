"""YAML of many definitions: `importing` and `exporting` it, and `files`, the kind that offers both beside pipelines."""
