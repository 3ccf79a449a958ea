"""JSON Schemas of every topic and an AsyncAPI 3 document of the public events, for people and programs outside.

`python -m shared.contracts.schemas` writes them below docs/reference; with `--check` it says whether they are up to
date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .base import Json
from .envelope import Envelope
from .problems import Problem
from .topics import TOPICS, Topic

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXCHANGE = "portside.events"


def _data_schema(model: Any) -> Json:
    schema: Json = model.model_json_schema(mode="serialization")
    return schema


def schema_of(topic: Topic) -> Json:
    """The schema of one topic's whole message: the envelope, with this topic's data."""
    envelope, data = _data_schema(Envelope), _data_schema(topic.model)
    definitions = envelope.pop("$defs", {}) | data.pop("$defs", {})
    envelope["properties"]["type"] = {"const": topic.type}
    envelope["properties"]["data"] = {"$ref": f"#/$defs/{topic.model.__name__}"}
    return {
        "$schema": _DIALECT,
        **envelope,
        "title": topic.type,
        "description": f"A {topic.kind} from {', '.join(topic.senders)}.",
        "$defs": dict(sorted((definitions | {topic.model.__name__: data}).items())),
    }


def schemas() -> dict[str, Json]:
    """By file name: every topic, the data of every reply, and the problem that may take a reply's place."""
    documents = {f"{topic.type}.json": schema_of(topic) for topic in TOPICS}
    for topic in TOPICS:
        if topic.reply is not None:
            documents[f"{topic.type}.reply.json"] = {"$schema": _DIALECT, **_data_schema(topic.reply)}
    documents["problem.v1.json"] = {"$schema": _DIALECT, **_data_schema(Problem)}
    return documents


def asyncapi() -> Json:
    """The public events, for who binds a queue of their own to the topic exchange."""
    public = [topic for topic in TOPICS if topic.public]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Portside's public events",
            "version": "1.0.0",
            "description": "What the ledger accepted, published after its commit. Bind a queue of your own to the "
            f"topic exchange `{_EXCHANGE}`. `execution.changed` is best effort: fill gaps in `revision` by asking the "
            "REST API; the others are sent reliably and may come twice. New optional fields may appear at any time.",
        },
        "defaultContentType": "application/json",
        "channels": {
            topic.name: {
                "address": topic.routing_key,
                "messages": {topic.type: {"$ref": f"#/components/messages/{topic.type}"}},
                "bindings": {
                    "amqp": {
                        "is": "routingKey",
                        "exchange": {"name": _EXCHANGE, "type": "topic", "durable": True, "autoDelete": False},
                    }
                },
            }
            for topic in public
        },
        "operations": {
            f"send-{topic.name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.type}"}],
            }
            for topic in public
        },
        "components": {
            "messages": {
                topic.type: {
                    "name": topic.type,
                    "contentType": "application/json",
                    "correlationId": {"location": "$message.header#/correlationId"},
                    "payload": {
                        "schemaFormat": "application/schema+json;version=draft-2020-12",
                        "schema": {"$ref": f"schemas/{topic.type}.json"},
                    },
                }
                for topic in public
            }
        },
    }


def files() -> dict[Path, str]:
    """Everything that is generated, by its place."""
    trees = {REFERENCE / "schemas" / name: schema for name, schema in schemas().items()}
    trees[REFERENCE / "asyncapi.json"] = asyncapi()
    return {path: json.dumps(tree, indent=2, ensure_ascii=False) + "\n" for path, tree in trees.items()}


def stale() -> list[str]:
    """What differs from the committed files, in words."""
    expected = files()
    wrong = [
        f"{path} is out of date"
        for path, text in expected.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    return wrong + [f"{path} belongs to no topic" for path in (REFERENCE / "schemas").glob("*") if path not in expected]


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` compare them."""
    if "--check" in arguments:
        for line in (wrong := stale()):
            print(f"{line}; run `python -m shared.contracts.schemas`", file=sys.stderr)
        return 1 if wrong else 0
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in (REFERENCE / "schemas").glob("*"):
        if path not in files():
            path.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
