"""Strangers against real processes, and what must go on beside them.

`slow_peers` are connections that never finish, `senders` send whole requests over many; both run as processes of
their own. `hooks` come at a steady rate meanwhile, and `beside` has the runs and people of a whole system.
`test_slow_peers` attacks a gateway, `test_strangers` a system.
"""
