"""Strangers against real processes: `slow_peers` is what they do, `hooks` what must go on beside them."""
