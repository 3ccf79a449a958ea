"""`python -m services.gateway [hooks|web]`: serve hooks, everything else, or (without a word) both."""

from __future__ import annotations

import sys

from .service import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
