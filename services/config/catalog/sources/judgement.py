"""Whether what a Git server announced fits a Git webhook: its repository, branch and files. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.config.model.definitions import GitWebhook
from shared.grammar.patterns import wants

MOST_COMPARED = 5_000
"""Files of one push, times filters."""


def fits(webhook: GitWebhook, push: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether it fits, and why. The branch and the repository must be the webhook's; blank means any.

    A webhook with inclusions wants one of the files among them; one excluded file decides where exclusions come first,
    otherwise all files must be excluded.
    """
    branch, repository = str(push.get("targetBranch") or ""), str(push.get("repo") or "")
    if webhook.branch and branch != webhook.branch:
        return False, f"Branch {branch or '(none)'} is not {webhook.branch}."
    if webhook.repo_name and repository.rpartition("/")[2] != webhook.repo_name.rpartition("/")[2]:
        return False, f"Repository {repository or '(none)'} is not {webhook.repo_name}."
    category = webhook.tree.get("eventCategory") or "PUSH"
    if push.get("eventCategory") != category:
        return False, f"The event is {push.get('eventCategory') or 'of no known kind'}, not {category}."
    return _files(webhook, [str(name) for name in push.get("files") or ()])


def _files(webhook: GitWebhook, files: Sequence[str]) -> tuple[bool, str]:
    inclusions, exclusions = webhook.tree.get("inclusions") or [], webhook.tree.get("exclusions") or []
    # Within a transaction: the first files speak for the others where there are very many.
    files = files[: max(1, MOST_COMPARED // max(1, len(inclusions) + len(exclusions)))]
    excluded = [name for name in files if _among(exclusions, name)]
    if excluded and (webhook.tree.get("prioritizeExclusion") or len(excluded) == len(files)):
        return False, f"File {excluded[0]} is excluded."
    if inclusions and not any(_among(inclusions, name) for name in files):
        return False, "None of its files is included."
    return True, f"It fits Git webhook {webhook.name}."


def _among(filters: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(wants(it["value"], name) if it["type"] == "REGEX" else it["value"] == name for it in filters)
