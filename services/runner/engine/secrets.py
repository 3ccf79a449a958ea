"""The secrets of one run: sealed until something needs them, and known to the masker from then on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.runner.task_protocol import OpenEndpoint, TaskFailed
from shared.contracts.base import Json, Sealed
from shared.contracts.runs import ResolvedEndpoint, ResolvedVariable
from shared.process.masking import Masker, opened_secrets
from shared.process.secrets import CannotOpen, Opener, Sealer, keyed_hash


class RunVariables(Mapping[str, Any]):
    """Variables by name; a secret one is opened when its value is asked for."""

    def __init__(self, variables: Mapping[str, ResolvedVariable], opener: Opener) -> None:
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


class Inputs(Mapping[str, Any]):
    """Inputs by name; one that came sealed is opened when its value is asked for."""

    def __init__(self, masked: Json, sealed: Mapping[str, Sealed], opener: Opener) -> None:
        self._masked = masked
        self._sealed = sealed
        self._opener = opener

    def __getitem__(self, name: str) -> Any:
        box = self._sealed.get(name)
        return self._masked[name] if box is None else json.loads(_open(self._opener, box, f"input {name}"))["value"]

    def __iter__(self) -> Iterator[str]:
        return iter(self._masked)

    def __len__(self) -> int:
        return len(self._masked)


class RunSecrets:
    """What a take answer brought sealed."""

    def __init__(
        self,
        endpoints: Mapping[str, ResolvedEndpoint],
        variables: Mapping[str, ResolvedVariable],
        opener: Opener,
        sealer: Sealer,
        inputs: Mapping[str, Sealed] | None = None,
    ) -> None:
        self.variables = RunVariables(variables, opener)
        self._endpoints = endpoints
        self._sealed_inputs = inputs or {}
        self._sealed_variables = [variable.sealed for variable in variables.values() if variable.sealed is not None]
        self._opener = opener
        self._sealer = sealer
        self._learned: frozenset[str] = frozenset()
        self._learning = threading.Lock()
        self._masks: tuple[Masker, frozenset[str]] | None = None

    @property
    def masker(self) -> Masker:
        """Hides every secret that the run was given."""
        kept, learned = self._masks, self._learned
        if kept is None or kept[1] != learned:
            # Kept with what it knows: another thread may learn more while it is made.
            secrets = self._secrets(learned)
            for secret in secrets:
                opened_secrets.remember(secret)
            kept = self._masks = Masker(secrets), learned
        return kept[0]

    def learn(self, secrets: frozenset[str]) -> None:
        """These are hidden from now on as well."""
        for secret in secrets:
            opened_secrets.remember(secret)
        with self._learning:
            self._learned |= secrets

    def hashed(self, value: str) -> str:
        """What stands for a value that is not shown, so that a change of it shows."""
        return keyed_hash(value, self.masking_key())

    def inputs(self, masked: Json) -> Mapping[str, Any]:
        """The run's inputs; one that holds a secret is opened when its value is asked for."""
        return Inputs(masked, self._sealed_inputs, self._opener) if self._sealed_inputs else masked

    def hand_on(self, values: Json) -> tuple[Json, dict[str, Sealed]]:
        """Values for another run: as people may see them, and sealed those of which they may not see all."""
        masked = {name: self.masker.mask(value) for name, value in values.items()}
        sealed = {name: self.box(value) for name, value in values.items() if masked[name] != value}
        return masked, sealed

    def take_over(self, masked: Json, sealed: Mapping[str, Sealed]) -> Json:
        """What another run handed on, with its secrets, which are hidden from now on."""
        return {**masked, **{name: self.unbox(box, name) for name, box in sealed.items()}}

    def box(self, value: Any) -> Sealed:
        """Close a value with the secrets in it: its readers have to hide these too, not only the text around."""
        return self.seal({"value": value, "secrets": self.within(value)})

    def unbox(self, box: Sealed, of: str) -> Any:
        """What `box` closed; its secrets are hidden from now on."""
        kept = json.loads(_open(self._opener, box, of))
        self.learn(frozenset(kept["secrets"]))
        return kept["value"]

    def within(self, value: Any) -> list[str]:
        """The secrets that a value holds, in whatever form."""
        return [secret for secret in self._secrets(self._learned) if Masker([secret]).mask(value) != value]

    def endpoint(self, name: str) -> OpenEndpoint:
        """The endpoint of that name with its secrets in clear."""
        entry = self._endpoints.get(name)
        if entry is None:
            raise TaskFailed(
                f"The project has no endpoint named {name}, or it was made after the run began. Create it, or correct "
                "the name in the task's `endpoints`."
            )
        secrets = {key: _open(self._opener, box, f"endpoint {name}") for key, box in entry.secrets.items()}
        return OpenEndpoint(entry.name, entry.type.lower(), {**entry.properties, **secrets})

    def endpoint_type(self, name: str) -> str:
        """The type of the endpoint of that name; blank where there is none."""
        entry = self._endpoints.get(name)
        return "" if entry is None else entry.type.lower()

    def restricted(self, endpoints: Iterable[str], variables: Iterable[str]) -> tuple[str, ...]:
        """Those that only an administrator's run may use without being let through, in words."""
        return (
            *(f"endpoint {name}" for name in sorted(endpoints) if self._is_restricted(name)),
            *(f"variable {name}" for name in sorted(variables) if self.variables.type_of(name) == "RESTRICTED"),
        )

    def _is_restricted(self, endpoint: str) -> bool:
        entry = self._endpoints.get(endpoint)
        return entry is not None and bool(entry.properties.get("isRestricted"))

    def seal(self, value: Any) -> Sealed:
        """Close a JSON value, so that it may be recorded."""
        return self._sealer.seal(json.dumps(value, ensure_ascii=False))

    def unseal(self, sealed: Json) -> Any:
        """Open what `seal` closed."""
        return json.loads(_open(self._opener, Sealed.model_validate(sealed), "what an earlier step kept"))

    def reveal(self, sealed: Sealed, secrets: Sealed | None, of: str) -> Any:
        """The exact output of a task that somebody else ran; its secrets are hidden from now on."""
        if secrets is not None:
            self.learn(frozenset(json.loads(_open(self._opener, secrets, of))))
        return json.loads(_open(self._opener, sealed, of))

    def masking_key(self) -> bytes:
        """The same for every runner that holds the same private key, and for nobody else."""
        return self._opener.derived_key(b"portside hidden values")

    def _secrets(self, learned: frozenset[str]) -> list[str]:
        boxes = [box for endpoint in self._endpoints.values() for box in endpoint.secrets.values()]
        handed = [
            secret for text in self._opened(self._sealed_inputs.values()) for secret in json.loads(text)["secrets"]
        ]
        return [*self._opened([*boxes, *self._sealed_variables]), *handed, *learned]

    def _opened(self, boxes: Iterable[Sealed]) -> Iterator[str]:
        for box in boxes:
            try:
                yield self._opener.open(box)
            except CannotOpen:
                continue  # the task that uses it reports that


def _open(opener: Opener, sealed: Sealed, of: str) -> str:
    try:
        return opener.open(sealed)
    except CannotOpen as error:
        raise TaskFailed(f"A secret of {of} cannot be opened: {error}") from None
