"""Backups: one file that holds the whole database as of one instant, and the hooks that waited in the spool.

`making` writes one while Portside runs, `restoring` reads one whole, checks it and puts it back. `archive` is the file:
a tar whose manifest says what must be in it. `keyring` is the other file, with the keys. The database inside is SQLite
whatever it came from, so that a backup is restored into either kind.

Never in the same file: a key. Who has a backup alone can open no secret in it.
"""
