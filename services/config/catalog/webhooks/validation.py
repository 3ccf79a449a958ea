"""What a webhook must not be saved with, and which tags it would run. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.config.model.definitions import Webhook
from shared.contracts.base import Json
from shared.contracts.problems import Code, Problem, Refused
from shared.grammar.patterns import check_pattern, judge


def check_patterns(webhook: Webhook) -> None:
    """Refuse patterns that cannot be read, all at once."""
    flaws = [
        *check_pattern(webhook.image_pattern, "imageNameRegExPattern"),
        *check_pattern(webhook.tag_pattern, "tagNamePattern"),
    ]
    for index, pattern in enumerate(webhook.exclude):
        flaws += check_pattern(pattern, f"exclude[{index}]")
    if flaws:
        raise Refused(
            Problem(
                code=Code.INVALID,
                message="; ".join(f"{flaw.path}: {flaw.message}" for flaw in flaws),
                subject=webhook.name,
                flaws=tuple(flaws),
            )
        )


def preview(webhook: Webhook, tags: Iterable[str]) -> list[Json]:
    """Each tag, whether a push of it would run, and why."""
    rows = []
    for tag in tags:
        verdict = judge(webhook.tag_pattern, tag, webhook.exclude)
        rows.append({"tag": tag, "wouldRun": verdict.wanted, "reason": verdict.reason})
    return rows
