"""Pipeline: runs another pipeline of the project and waits, without a runner, for its end."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from services.runner.task_protocol import Asked, Done, Effect, Step, Task, TaskFailed, Waiting
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.history import Status
from shared.contracts.problems import Refused


class NestedPipeline(Task):
    """The nested run's id follows from the key of this try, so that asking twice starts one run."""

    name = "Pipeline"

    def effect(self, given: Json) -> Effect:
        return Effect.KEYED

    def start(self, request: Asked) -> Step:
        name = request.text("pipeline").strip()
        if not name:
            raise TaskFailed("The task names no pipeline to run.")
        child = str(uuid5(NAMESPACE_URL, f"portside:nested:{request.key}"))
        inputs, sealed = request.tools.hand_on(request.table("inputProperties"))
        body = {
            "executionId": child,
            "input": inputs,
            "comments": f"Run by {request.about.pipeline} #{request.about.index}, {request.stage}.{request.task}",
            "_parent": {
                "executionId": request.about.execution_id,
                "stage": request.stage,
                "task": request.task,
                "requestedBy": request.about.requested_by,
            },
        }
        boxes = {f"input.{key}": box for key, box in sealed.items()}
        project = request.about.project
        act = Act(kind=Kind.PIPELINES, verb="execute", project=project, name=name, body=body, sealed=boxes)
        try:
            answer = request.tools.act(act, f"nested-{request.key}").document
        except Refused as refused:
            raise TaskFailed(f"Pipeline {name} was not started: {refused.problem.message}") from None
        except Exception as error:
            raise TaskFailed(f"Pipeline {name} was not started, because config did not answer: {error}") from None
        index = answer.get("executionIndex")
        request.tools.log(f"Started {name} #{index}")
        ask = {"executionId": child, "pipeline": name, "executionIndex": index}
        return Waiting("nested", f"Waits for {name} #{index}", None, ask)

    def answered(self, request: Asked, ask: Json, answer: Json) -> Step:
        brought = request.tools.take_over(answer.get("outputProperties") or {}, answer.get("sealedProperties") or {})
        name, index = ask.get("pipeline", ""), answer.get("executionIndex")
        output = {
            "executionStatus": answer.get("executionStatus"),
            "executionIndex": index,
            "executionId": answer.get("executionId"),
            "pipelineExecutionLink": f"/codestream/api/executions/{answer.get('executionId')}",
            "outputProperties": brought,
            "inputProperties": request.table("inputProperties"),
        }
        if answer.get("executionStatus") == Status.COMPLETED:
            return Done(output, f"{name} #{index} completed.")
        message = answer.get("statusMessage") or answer.get("executionStatus")
        raise TaskFailed(f"{name} #{index}: {message}", output)
