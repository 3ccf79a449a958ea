"""What runs beside the use cases while this process is active.

`leader` holds the lock, `timers` fires what is due, `outbox` sends what a commit promised, `retention` deletes old
rows, `sampling` sets gauges. `answering` runs in a standby too.

Never here: a rule about pushes, runs or definitions.
"""
