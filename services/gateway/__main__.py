"""`python -m services.gateway [hooks|web]`: serve hooks, everything else, or (without a word) both."""

from __future__ import annotations

import sys

from shared.process.settings import read

from .metrics_folder import MetricsFolder
from .settings import GatewaySettings

if __name__ == "__main__":
    with MetricsFolder(read(GatewaySettings)):
        # prometheus_client decides as it is imported whether its values are shared between processes.
        from .service import main

        raise SystemExit(main(sys.argv[1:]))
