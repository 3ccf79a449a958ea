"""What was really done: a service that may be called only once for each push, and an eye on the cluster."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from cli import demo

from .account import Write


class Counted:
    """An HTTP service without idempotency keys: each POST is an effect, written down by its tag."""

    def __init__(self) -> None:
        self.told: list[str] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                told.append(self.path.rpartition("/")[2])
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True, name="counted").start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Eye:
    """Watches the Deployments through the cluster's own API and keeps each change of image or fence."""

    def __init__(self, cluster_url: str) -> None:
        self.writes: list[Write] = []
        self._url = f"{cluster_url}/apis/apps/v1/deployments"
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="eye")
        self._thread.start()

    def close(self) -> None:
        """End once what has happened so far was seen."""
        self._closing.set()
        self._thread.join(10)

    def _watch(self) -> None:
        version = "0"
        while not self._closing.is_set():
            query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "2"}
            headers = {"Authorization": f"Bearer {demo.CLUSTER_TOKEN}"}
            with requests.get(self._url, params=query, headers=headers, stream=True, timeout=30) as answer:
                for line in answer.iter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"the watch has a gap: {event['object'].get('message')}")
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._see(event["object"])

    def _see(self, deployment: dict[str, Any]) -> None:
        image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        start = int(deployment["metadata"].get("annotations", {}).get("portside.dev/start", 0))
        write = Write(image.partition(":")[0], image, start)
        if (
            write not in self.writes[-50:]
            or next(one for one in reversed(self.writes) if one.repository == write.repository) != write
        ):
            self.writes.append(write)
