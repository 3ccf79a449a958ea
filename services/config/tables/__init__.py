"""The database's tables, without queries: `ledger` is what happened, `catalog` what is defined, `machinery` what
every use case shares, on the common `base`.

Only `services.config.store` and `services.config.migrations` import this package.
"""
