"""Notifications: `notifier` fills in and sends a notice on config's behalf, `channels` knows each way to send: `mail`
and the `letters` it sends, `chat` (Slack, Microsoft Teams, Discord), `pagerduty` and signed webhooks; `escaping`
keeps filled-in values text.

Never here: when to notify and whom, which config decides.
"""
