"""The gateway: the only room that serves HTTP, draws pages and authenticates callers.

Its only durable state is a spool of hooks that the broker has not confirmed yet, and the last allowlist it saw. It
never opens the database, never decides what a push means and never touches anything on behalf of a pipeline: it turns
each call into one message and each answer into one HTTP answer.
"""
