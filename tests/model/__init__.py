"""A model of the run protocol: the real decisions of `services.config.runs.protocol` in a simulated world.

Ledger, broker, runners and the outside are small and in memory, so that a crash, a duplicate, a delay or a zombie
can be put between any two steps, thousands of times a second. No process, no socket, no clock.
"""
