"""Pushes: every delivered or detected push becomes an event with a verdict, and the right ones start a run.

`deliveries` takes hooks in and carries out what is decided; `facts` reads what is known about a push into a `case`,
and `decision` judges it by a table of rules, of which `matching` has those about the webhook and about repeats.
`records` builds the rows of events, `batching` groups pushes that arrive together, `verdicts` words the results.
`polling` asks for a registry's tags and `tag_diff` finds the pushes that no hook reported. `push_traces` has the span
of a verdict. `explain` answers why an image was not deployed.

Never here: how a run executes, or HTTP.
"""
