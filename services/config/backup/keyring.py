"""The file of keys that lies apart from a backup: JSON, a text by each key file's name."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from shared.grammar.json_parser import parse_json
from shared.process.life import Fatal
from shared.process.secrets import KEY_FILES, key_ids, read_keys, write_keys

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Keys:
    """The keys that will be here once a backup is restored."""

    texts: dict[str, str]
    """Those of the file that was named; empty where none was."""
    ids: frozenset[str]

    def put(self, home: Path) -> None:
        """Write them where there are none. Raises `KeysMissing` where others are."""
        write_keys(home, self.texts)


def save(home: Path, file: Path) -> None:
    """Write the keys of this installation into a file that its owner alone reads. Raises `Fatal`."""
    texts = read_keys(home)
    if "seal.key" not in texts:
        raise Fatal(f"{file} was not written: seal.key is not readable here. Copy the keys where they are kept.")
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as content:
            json.dump(texts, content, indent=1)
    except OSError as error:
        raise Fatal(f"{file} cannot be written: {error.strerror or error}. Nothing is overwritten.") from error


def read(home: Path, file: Path | None) -> Keys:
    """The keys in the file, else those that are installed. Raises `Fatal` where the file holds none."""
    if file is None:
        return Keys({}, frozenset(key_ids(read_keys(home))))
    try:
        with file.open(encoding="ascii") as content:
            texts = parse_json(content.read(_MOST_BYTES))
        if not isinstance(texts, dict) or not texts.keys() <= KEY_FILES.keys():
            raise ValueError
        return Keys(texts, frozenset(key_ids(texts)))
    except OSError as error:
        raise Fatal(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise Fatal(f"{file} is not a file of keys; `portside system backup --keys` writes one") from error
