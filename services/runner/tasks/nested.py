"""Pipeline: runs another pipeline of the project and waits, without a runner, for its end."""

from __future__ import annotations

from services.runner.task_protocol import Done, Effect, Step, Task, TaskFailed, TaskRequest, Waiting
from shared.contracts.base import Json
from shared.contracts.history import Status
from shared.contracts.problems import Refused
from shared.contracts.runs import StartNested
from shared.process.ids import derived_id


class NestedPipeline(Task):
    """The nested run's id follows from the key of this try, so that asking twice starts one run."""

    name = "Pipeline"

    def effect(self, task_input: Json) -> Effect:
        return Effect.KEYED

    def start(self, request: TaskRequest) -> Step:
        name = request.text("pipeline").strip()
        if not name:
            raise TaskFailed("The task names no pipeline to run.")
        child = derived_id(f"portside:nested:{request.key}")
        inputs, sealed = request.tools.hand_on(request.table("inputProperties"))
        about = request.about
        ask = StartNested(
            execution_id=child,
            project=about.project,
            pipeline=name,
            inputs=inputs,
            sealed_inputs=sealed,
            comments=f"Run by {about.pipeline} #{about.index}, {request.stage}.{request.task}",
            parent=about.execution_id,
            stage=request.stage,
            task=request.task,
            requested_by=about.requested_by,
        )
        try:
            index = request.tools.start_nested(ask).execution_index
        except Refused as refused:
            raise TaskFailed(f"Pipeline {name} was not started: {refused.problem.message}") from None
        except Exception as error:
            raise TaskFailed(f"Pipeline {name} was not started, because config did not answer: {error}") from None
        request.tools.log(f"Started {name} #{index}")
        nested = {"executionId": child, "pipeline": name, "executionIndex": index}
        return Waiting("nested", f"Waits for {name} #{index}", None, nested)

    def answered(self, request: TaskRequest, ask: Json, answer: Json) -> Step:
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
