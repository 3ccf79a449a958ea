"""Every field that crosses a process border, and the one table of topics.

Messages are frozen pydantic models. Receivers ignore fields that they do not know; adding an optional field keeps a
version, anything else is a new one. Nothing here knows RabbitMQ, the database or HTTP.
"""
