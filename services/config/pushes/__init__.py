"""Pushes: every delivered or detected push becomes an event with a verdict, and the right ones start a run.

`deliveries` takes hooks in, `records` builds their rows, `matching` judges by a table of rules, `batching` decides
about pushes that come together, `verdicts` words the results. `polling` asks for a registry's tags and `tag_diff`
finds the pushes that no hook reported. `explain` answers why an image was not deployed.

Never here: how a run executes, or HTTP.
"""
