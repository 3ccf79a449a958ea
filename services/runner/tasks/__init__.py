"""The task types, one file each, and the protocol between them and the engine.

Here lives whatever a pipeline's tasks do outside. Never here: the order of tasks, retries and timeouts (the engine's),
or a message of the broker.
"""
