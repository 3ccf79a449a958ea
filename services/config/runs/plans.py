"""Stored plans, read once: many runs share one."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from services.config.store import Reading, executions
from shared.grammar.plan import Plan


@lru_cache(maxsize=512)
def read_plan(plan: str, about: str) -> tuple[Plan, dict[str, Any], dict[str, Any]]:
    """A stored plan, once as a value and once as its tree, and what is shown besides it."""
    tree = json.loads(plan)
    return Plan.from_json(tree), tree, json.loads(about)


def plan_of(uow: Reading, digest: str) -> tuple[Plan, dict[str, Any]]:
    """The plan of that hash, and what is shown besides it."""
    plan, _, about = read_plan(*executions.plan_texts(uow, [digest])[digest])
    return plan, about
