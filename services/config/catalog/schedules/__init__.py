"""Schedules: `resource` is the kind, `cron` computes the next times."""
