"""What schemathesis must know to read our answers; it loads this file by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

from typing import Any

import schemathesis
import yaml


@schemathesis.deserializer("text/yaml", "text/x-yaml", "application/x-yaml", "text/vnd.yaml", "application/yaml")
def first_document(_context: Any, response: Any) -> Any:
    """An answer may hold several documents, all of one shape."""
    return next(iter(yaml.safe_load_all(response.text)), None)


@schemathesis.deserializer("text/csv", "application/x-ndjson")
def as_text(_context: Any, response: Any) -> Any:
    """Files are text and no more."""
    return response.text
