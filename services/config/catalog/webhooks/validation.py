"""What a webhook must not be saved with, and which tags it would run. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.config.model.definitions import Webhook
from shared.contracts.base import Json
from shared.contracts.problems import Code, Problem, Refused
from shared.grammar.patterns import check_pattern, check_tag_pattern, judge


def check_patterns(webhook: Webhook, former: Webhook) -> None:
    """Refuse patterns that cannot be read, all at once; those that no tag can match too, unless they are stored."""
    stored = {former.tag_pattern, *former.exclude}
    flaws = check_pattern(webhook.image_pattern, "imageNameRegExPattern")
    of_tags = {"tagNamePattern": webhook.tag_pattern}
    of_tags |= {f"exclude[{index}]": pattern for index, pattern in enumerate(webhook.exclude)}
    for path, pattern in of_tags.items():
        flaws += (check_pattern if pattern in stored else check_tag_pattern)(pattern, path)
    if flaws:
        raise Refused(
            Problem(
                code=Code.INVALID,
                message="; ".join(f"{flaw.path}: {flaw.with_hint}" for flaw in flaws),
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
