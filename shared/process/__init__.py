"""How a process lives: settings, logging, secrets, ids, the clock, signals, health.

What lives here knows no topic's meaning, no RabbitMQ, no database and no HTTP. It decides nothing about pushes or runs.
"""
