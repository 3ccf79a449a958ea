"""`run`: start a pipeline, and wait for its end where a build needs to know it."""

from __future__ import annotations

from urllib.parse import quote

import click

from ..connection import PortsideServer
from ..options import with_server
from ..runs import exit_code_of, read_inputs, watch_run


@click.command()
@click.argument("pipeline")
@click.option("-i", "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input; may be repeated.")
@click.option("--input-file", "files", multiple=True, metavar="NAME=FILE", help="An input that is a file's text.")
@click.option("--comment", default="", help="Shown with the execution.")
@click.option("--wait", is_flag=True, help="Follow it to its end; the exit code says how it ended.")
@click.option(
    "--timeout", default=86_400, type=click.IntRange(1), show_default=True, help="Wait at most this many seconds."
)
@with_server
def run(
    server: PortsideServer,
    pipeline: str,
    inputs: tuple[str, ...],
    files: tuple[str, ...],
    comment: str,
    wait: bool,
    timeout: int,
) -> int:
    """Start PIPELINE and print its execution's page.

    With --wait, Ctrl-C asks whether to cancel the execution, and these exit codes tell how it ended: 0 completed,
    10 failed, 11 cancelled, 12 still running after --timeout.
    """
    body = {"input": read_inputs(inputs, files), "comments": comment or "started from the command line"}
    path = f"/pipelines/{quote(server.project, safe='')}/{quote(pipeline, safe='')}/executions"
    started = server.client.post(path, body)
    click.echo(server.page(f"executions/{started['executionId']}"))
    if not wait:
        return 0
    execution = server.client.get(f"/executions/{started['executionId']}")
    return exit_code_of(watch_run(server, execution, timeout_s=timeout, cancellable=True))
