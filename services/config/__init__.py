"""The Book: the only room that opens the database, decides, authorises and owns timers.

`catalog` holds what is defined, the ledger what happened. Pure decisions (`protocol`, `matching`, `admission`,
`folding`) take values and answer with values; `store` is the only door to the tables; `service` joins them to the bus.
It never touches a cluster or a registry, and serves no HTTP.
"""
