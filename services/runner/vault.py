"""The secrets of one run: sealed until something needs them, and known to the masker from then on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.contracts.base import Json, Sealed
from shared.contracts.runs import Endpoint, Variable
from shared.process.secrets import CannotOpen, Masker, Opener, Sealer

from .tasks.protocol import OpenEndpoint, TaskFailed


class Variables(Mapping[str, Any]):
    """Variables by name; a secret one is opened when its value is asked for."""

    def __init__(self, variables: Mapping[str, Variable], opener: Opener) -> None:
        self._variables = variables
        self._opener = opener

    def __getitem__(self, name: str) -> Any:
        variable = self._variables[name]
        if variable.sealed is None:
            return variable.value
        return _open(self._opener, variable.sealed, f"variable {name}")

    def type_of(self, name: str) -> str:
        """`REGULAR`, `SECRET`, `RESTRICTED`; blank for one that is not there."""
        return self._variables[name].type if name in self._variables else ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


class Vault:
    """What a take answer brought sealed."""

    def __init__(
        self, endpoints: Mapping[str, Endpoint], variables: Mapping[str, Variable], opener: Opener, sealer: Sealer
    ) -> None:
        self.variables = Variables(variables, opener)
        self._endpoints = endpoints
        self._sealed_variables = [one.sealed for one in variables.values() if one.sealed is not None]
        self._opener = opener
        self._sealer = sealer
        self._masker: Masker | None = None

    @property
    def masker(self) -> Masker:
        """Hides every secret that the run was given."""
        if self._masker is None:
            boxes = [box for one in self._endpoints.values() for box in one.secrets.values()]
            self._masker = Masker(self._values([*boxes, *self._sealed_variables]))
        return self._masker

    def endpoint(self, name: str) -> OpenEndpoint:
        """The endpoint of that name with its secrets in clear."""
        found = self._endpoints.get(name)
        if found is None:
            raise TaskFailed(
                f"The project has no endpoint named {name}, or it was made after the run began. Create it, or correct "
                "the name in the task's `endpoints`."
            )
        secrets = {key: _open(self._opener, box, f"endpoint {name}") for key, box in found.secrets.items()}
        return OpenEndpoint(found.name, found.type.lower(), {**found.properties, **secrets})

    def restricted(self, endpoints: Iterable[str], variables: Iterable[str]) -> tuple[str, ...]:
        """Those that only an administrator's run may use without being let through, in words."""
        return (
            *(f"endpoint {name}" for name in sorted(endpoints) if self._is_restricted(name)),
            *(f"variable {name}" for name in sorted(variables) if self.variables.type_of(name) == "RESTRICTED"),
        )

    def _is_restricted(self, endpoint: str) -> bool:
        known = self._endpoints.get(endpoint)
        return known is not None and bool(known.properties.get("isRestricted"))

    def seal(self, value: Any) -> Json:
        """Close a JSON value, so that it may be recorded."""
        return self._sealer.seal(json.dumps(value, ensure_ascii=False)).model_dump()

    def unseal(self, sealed: Json) -> Any:
        """Open what `seal` closed."""
        return json.loads(_open(self._opener, Sealed.model_validate(sealed), "what an earlier step kept"))

    def reveal(self, sealed: Sealed) -> Any:
        """The exact output of a task that a predecessor ran."""
        return json.loads(_open(self._opener, sealed, "an earlier task's output"))

    def masking_key(self) -> bytes:
        """The same for every process that holds the same key pair's public half."""
        return hashlib.sha256(b"portside hidden values " + self._sealer.key_id.encode()).digest()

    def _values(self, boxes: list[Sealed]) -> Iterator[str]:
        for box in boxes:
            try:
                yield self._opener.open(box)
            except CannotOpen:
                continue  # whoever uses it says so


def _open(opener: Opener, sealed: Sealed, of: str) -> str:
    try:
        return opener.open(sealed)
    except CannotOpen as error:
        raise TaskFailed(f"A secret of {of} cannot be opened: {error}") from None
