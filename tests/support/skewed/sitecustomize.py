"""Put into a process by PYTHONPATH: its clock is as far off as CLOCKS says of its INSTANCE."""

from __future__ import annotations

import json
import os
import time

ahead_s = json.loads(os.environ["CLOCKS"]).get(os.environ.get("INSTANCE"), 0.0)
true_time = time.time
time.time = lambda: true_time() + ahead_s
