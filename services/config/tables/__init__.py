"""The database's tables, without queries: `ledger` is what happened, `catalog` what is defined, `machinery` what
every use case shares, on the common `base`.

`sources` is what is kept for Git and Gerrit, `integrations` code that tasks run. Importing the package fills the
metadata. Only `services.config.store` and `services.config.migrations` import this package.
"""

from . import catalog, integrations, ledger, machinery, sources

__all__ = ["catalog", "integrations", "ledger", "machinery", "sources"]
