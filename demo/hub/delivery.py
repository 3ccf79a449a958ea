"""Sending a push to the hooks of its repository, as Docker Hub's own examples show it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import requests

from .http import Json
from .world import Hook, Repository, World

DOCKERFILE = (
    "#\n# BUILD\u0009\u0009docker build -t acme/web .\n# RUN\u0009\u0009docker run -d acme/web\n#\n"
    'FROM\u0009debian:12-slim\n\nLABEL\u0009title="web \\"front\\""\\\n\u0009\u0009path="C:\\\\srv\\\\web"\n'
    "RUN\u0009\u0009apt-get update && \\\n\u0009\u0009apt-get install -y ca-certificates && \\\n"
    '\u0009\u0009rm -rf /var/lib/apt/lists/*\nCMD\u0009\u0009["/srv/web", "--port", "80"]\n'
)


def scientific(at: float) -> str:
    """`1.417566822e+09`: whole seconds as the documentation writes them."""
    return f"{int(at):.9e}"


def payload(repository: Repository, tag: str | None, pusher: str, pushed_at: float) -> str:
    """The body of a delivery in the form of the documentation from 2014 to 2023, with a tag.

    Times are floats in scientific form, `images`, `callback_url` and `repo_url` are empty, the repository is private
    and carries a dockerfile full of escapes. It is text, because no JSON writer would write the times like that.
    """
    namespace, _, name = repository.name.partition("/")
    body: Json = {
        "callback_url": "",
        "push_data": {"images": [], "pushed_at": "@pushed@", "pusher": pusher, "tag": tag},
        "repository": {
            "comment_count": "0",
            "date_created": "@created@",
            "description": "",
            "dockerfile": DOCKERFILE,
            "full_description": f"# {name}\n\nServes \u201cthings\u201d \u2013 fast.\n",
            "is_official": False,
            "is_private": repository.private,
            "is_trusted": True,
            "name": name,
            "namespace": namespace,
            "owner": namespace,
            "repo_name": repository.name,
            "repo_url": "",
            "star_count": 0,
            "status": "Active",
        },
    }
    if tag is None:
        del body["push_data"]["tag"]
    text = json.dumps(body, indent=2)
    text = text.replace("\\t", "\\u0009").replace('"@created@"', scientific(1_417_566_665))
    return text.replace('"@pushed@"', scientific(pushed_at))


def send_all(world: World, repository: Repository, body: str) -> list[Json]:
    """Post the body to every hook of the repository, one after the other; never a second time."""
    with world.lock:
        targets = [(hook, url) for hook in repository.hooks.values() for url in hook.urls]
    return [send(world, repository.name, hook, url, body) for hook, url in targets]


def send(world: World, repository: str, hook: Hook | None, url: str, body: str) -> Json:
    """Post once and write down what came of it."""
    started = time.time()
    record: Json = {
        "repository": repository,
        "hook": hook.name if hook else "",
        "url": url,
        "at": started,
        "body": body,
    }
    try:
        answer = requests.post(
            url,
            data=body.encode(),
            headers={"Content-Type": "application/json", "User-Agent": "Go-http-client/1.1"},
            timeout=world.settings.hook_timeout_s,
            allow_redirects=False,
        )
        record |= {"status": answer.status_code, "answer": answer.text[:500]}
    except requests.RequestException as failed:
        record |= {"status": 0, "answer": type(failed).__name__}
    record["took_s"] = round(time.time() - started, 4)
    with world.lock:
        record["number"] = len(world.deliveries)
        world.deliveries.append(record)
        if hook is not None:
            result = "success" if 200 <= record["status"] < 300 else "failed"
            hook.history.append({"created": started, "state": result, "status_code": record["status"]})
    return record


def in_background(work: Any) -> None:
    """Run without waiting."""
    threading.Thread(target=work, daemon=True, name="deliveries").start()
