"""Who may come in: users, their passwords and tokens, and how often strangers may try."""
