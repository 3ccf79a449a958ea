"""The pipeline language: document shape, `${…}`, conditions, inputs, plan, and what a history means.

What lives here is pure: values in, values out. No I/O, no clock, no secret key, no database, no broker. It is needed by
config (which checks and folds) and by runner (which resolves and decides), so both read a document the same way.
"""
