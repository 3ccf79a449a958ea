"""Custom: a custom integration of the project, run as a Job with the task's inputs."""

from __future__ import annotations

from services.runner.task_protocol import TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Refused
from shared.grammar.integrations import IntegrationCode, read_integration
from shared.grammar.malformed import Malformed
from shared.grammar.task_schemas import CUSTOM

from .printed import LogReader
from .runtimes import JobWork, work_of
from .task import JobTask


class Custom(JobTask):
    """The code of the version that the task names, or of the latest released one."""

    name = CUSTOM

    def work(self, request: TaskRequest) -> JobWork:
        """The code that config gives for this try, with the task's inputs."""
        code = self._code(request)
        properties = request.table("properties")
        if lacking := code.lacking(properties):
            raise TaskFailed(f"The custom integration needs {', '.join(lacking)}: set it in `properties`.")
        if unknown := code.unknown(properties):
            request.tools.log(f"The custom integration has no input {', '.join(unknown)}: ignored.")
        return work_of(code, code.fill(properties))

    def output(self, printed: LogReader) -> Json:
        """`properties`, as Code Stream has it."""
        return {"properties": dict(printed.exports)}

    def _code(self, request: TaskRequest) -> IntegrationCode:
        name = request.text("name").strip()
        if not name:
            raise TaskFailed("The task names no custom integration: set `name`.")
        act = Act(
            kind=Kind.CUSTOM_INTEGRATIONS,
            verb="resolve",
            project=request.about.project,
            name=name,
            body={"version": request.text("version").strip()},
        )
        try:
            document = request.tools.act(act, f"custom-{request.key}").document
        except Refused as refused:
            problem = refused.problem
            raise TaskFailed(" ".join(part for part in (f"{problem.message}.", problem.next_step) if part)) from None
        except Exception as error:
            raise TaskFailed(f"Custom integration {name} was not read: config did not answer: {error}") from None
        if document["status"] == "DEPRECATED":
            request.tools.log(f"Version {document['version']} of {name} is deprecated: let the task use a later one.")
        request.tools.log(f"Custom integration {name}, version {document['version']}")
        try:
            return read_integration(document["yaml"])
        except Malformed as error:
            raise TaskFailed(f"Custom integration {name} cannot be read: {error}") from None
