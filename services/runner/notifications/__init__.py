"""Notifications: `notifier` fills in and sends a notice on config's behalf, `channels` knows each way to send.

Never here: when to notify and whom, which config decides.
"""
