"""The life of a version: a draft is released, and later deprecated or withdrawn. Pure."""

from __future__ import annotations

from services.config.model.definitions import IntegrationVersion
from services.config.store.definitions.integrations import DEPRECATED, RELEASED
from shared.contracts.problems import Code, refuse

DRAFT, WITHDRAWN = "DRAFT", "WITHDRAWN"
STATUSES = (DRAFT, RELEASED, DEPRECATED, WITHDRAWN)
MOVES: dict[str, tuple[str, frozenset[str]]] = {
    "release": (RELEASED, frozenset({DRAFT, DEPRECATED, WITHDRAWN})),
    "deprecate": (DEPRECATED, frozenset({RELEASED})),
    "withdraw": (WITHDRAWN, frozenset({RELEASED, DEPRECATED})),
}
"""By verb: what the version becomes, and from what. Withdrawn versions may be released again."""
USABLE = frozenset({RELEASED, DEPRECATED})
"""What tasks may run; a deprecated version still runs, so that pipelines have time to change."""


def moved(version: IntegrationVersion, verb: str) -> str:
    """The status after a move; refuses one that its present status does not allow."""
    status, sources = MOVES[verb]
    if version.status != status and version.status not in sources:
        raise refuse(
            Code.CONFLICT,
            f"version {version.label} of custom integration {version.name} is {version.status}: "
            f"it cannot be {_DONE[verb]}",
            subject=version.id,
            next_step=f"Only a version that is {' or '.join(sorted(sources))} can be {_DONE[verb]}.",
        )
    return status


_DONE = {"release": "released", "deprecate": "deprecated", "withdraw": "withdrawn"}
