"""Pipelines: `resource` is the kind, `documents` its trees and checks, `dry_run` a preview of a run.

`templates` reads the YAML of `template_files` and `from_template` fills one in; `task_types` lists what a task can be.
"""
