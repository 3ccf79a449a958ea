"""Sample data beside a system for use: the demo's Hub and cluster, and as many of the first steps as one wants.

`make up DEMO=1` asks for it, and so does the button on the empty page: the gateway writes `request.json` into the
folder that they share, and what comes of it is in `state.json`. A Hub and a cluster that were started once are started
again with the system, at the same ports, since endpoints name them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from cli import demo as play
from cli import files, system
from cli.ending import EXPECTED
from cli.ports import free_port
from cli.portside.api import Client
from cli.processes import Supervisor
from cli.staging import scene_of, start_fakes

Define = Callable[[Client, play.Scene, play.Steps], None]
DEFINITIONS: dict[str, tuple[Define, ...]] = {
    "endpoints": (play.define_endpoints,),
    "pipeline": (play.define_endpoints, play.define_pipelines),
    "webhook": (play.define,),
    "push": (play.define,),
}
"""How far the steps are filled in, and what that defines; `push` also pushes an image."""
EVERYTHING = "push"
_LOOK_S = 0.5
REQUEST, STATE = "request.json", "state.json"


@dataclass
class Samples:
    """The sample data of one system."""

    layout: system.Layout
    environment: dict[str, str]
    supervisor: Supervisor
    console: Console
    scene: play.Scene | None = None
    """What was started; None until then."""

    def resume(self) -> None:
        """Start again what an earlier run of this system had, where its ports are still free."""
        ports = self._state().get("ports")
        if not ports:
            return
        try:
            self._start((int(ports[0]), int(ports[1])))
        except EXPECTED as error:
            self._fail(error)

    def fill_in(self, until: str) -> None:
        """Define and push up to that step, and show the run. Raises the failures of `ending.EXPECTED`."""
        steps = play.Steps(self.console)
        if self.scene is None:
            with steps("demo Hub and demo cluster"):
                self._start((free_port(8701), free_port(8702)))
        scene = self.scene
        assert scene is not None
        with steps("sign in"):
            client = signed_in(self.layout, self.environment)
        for define in DEFINITIONS[until]:
            define(client, scene, steps)
        self._write("ready")
        if until == EVERYTHING:
            execution = play.push(client, scene, play.FIRST_TAG, self.console)
            if execution["status"] != "COMPLETED":
                raise play.DemoFailed(f"the execution ended as {execution['status']}: {execution.get('statusMessage')}")
            running = play.verify(scene, play.FIRST_TAG, play.digest_of(client, scene, play.FIRST_TAG))
            self.console.print(f"the cluster runs {running}", soft_wrap=True)
            self.console.print("verified", style="bold green")

    def serve(self, stop: threading.Event) -> None:
        """Fill in what the page asks for, until the system stops."""
        while not stop.wait(_LOOK_S):
            if until := self._requested():
                try:
                    self.fill_in(until)
                except EXPECTED as error:
                    self._fail(error)

    def _requested(self) -> str:
        request = self.layout.samples / REQUEST
        try:
            until = str(json.loads(request.read_text())["until"])
        except (FileNotFoundError, ValueError, KeyError):
            return ""
        self._write("starting")
        request.unlink()
        return until if until in DEFINITIONS else ""

    def _start(self, ports: tuple[int, int]) -> None:
        hub, cluster = start_fakes(self.supervisor, ports=ports)
        self.scene = replace(scene_of(hub, cluster, None), chain=False)
        system.remember(self.layout, self.environment, hub=hub, cluster=cluster, kubeconfig="", chain="")
        self._write("ready", ports=ports)

    def _write(self, state: str, message: str = "", **more: Any) -> None:
        state_now = self._state() | {"state": state, "message": message, **more}
        files.write(self.layout.samples / STATE, json.dumps(state_now))

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.layout.samples / STATE).read_text())
        except FileNotFoundError:
            return {}
        return state

    def _fail(self, error: Exception) -> None:
        self._write("failed", str(error))
        self.console.print(f"sample data: {error}", style="bold red", markup=False, soft_wrap=True)


def signed_in(layout: system.Layout, environment: dict[str, str]) -> Client:
    """A client of the system on this machine, signed in as its administrator by a link that works once."""
    client = Client(layout.url, certificate=layout.certificate)
    client.sign_in_by_link(system.link_at(layout.url, environment, system.ADMIN))
    return client
