"""Custom integrations: code of a team's own that tasks of type Custom run, with released versions.

`resource` is the kind with its draft, `versions` what becomes of a version, `resolution` what a task gets. The code
itself is read by `shared.grammar.integrations` and run by the runner as a Job.
"""
