"""The YAML that a new pipeline starts from. Pure."""

from __future__ import annotations

import yaml

from shared.grammar.inputs import TRIGGERS

INJECTIONS = ("Docker", "Git", "Gerrit", "None")
"""Which inputs a trigger would fill in; the first is what this is for."""

_OWN = {"IMAGE": "The image to deploy, without tag", "TAG": "Its tag"}
_HEAD = """\
---
kind: PIPELINE
project: {project}
name: {name}
enabled: true
description: Applies a manifest and waits until it serves
concurrency: 10
supersede: queue-latest
"""
_STAGES = """\
stageOrder:
- Deploy
- Report
stages:
  Deploy:
    taskOrder:
    - Apply
    tasks:
      Apply:
        type: K8S
        endpoints:
          # The name of a Kubernetes endpoint of this project.
          kubernetesServer: cluster
        input:
          action: APPLY
          timeout: 5
          rollbackOnFailure: true
          yaml: |
            apiVersion: apps/v1
            kind: Deployment
            metadata:
              name: web
              namespace: ${input.NAMESPACE}
            spec:
              replicas: 1
              selector:
                matchLabels:
                  app: web
              template:
                metadata:
                  labels:
                    app: web
                spec:
                  containers:
                  - name: web
                    image: ${input.@IMAGE@}:${input.@TAG@}
  Report:
    taskOrder:
    - Say so
    tasks:
      Say so:
        type: Log
        input:
          message: ${input.@IMAGE@}:${input.@TAG@} runs
"""


def template(project: str, name: str, injection: str) -> str:
    """A pipeline that deploys an image to Kubernetes. Of what a trigger fills in, it names image and tag alone."""
    option = f"{injection.upper()}_TRIGGER"
    names = dict(TRIGGERS.get(option, {}))
    docker = option == "DOCKER_TRIGGER"
    image, tag = ("DOCKER_IMAGE", "DOCKER_TAG") if docker else ("IMAGE", "TAG")
    names |= {} if docker else _OWN
    values = {**dict.fromkeys((image, tag), ""), "NAMESPACE": "default"}
    about = {**names, "NAMESPACE": "Where to deploy"}
    meta = {key: {"mandatory": True, "description": about[key]} for key in values}
    text = _HEAD.format(project=_scalar(project), name=_scalar(name))
    if option in TRIGGERS:
        text += f"options:\n- {option}\n"
    text += _dump({"input": values, "_inputMeta": meta})
    return text + _STAGES.replace("@IMAGE@", image).replace("@TAG@", tag)


def _dump(value: object) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=200))


def _scalar(text: str) -> str:
    """A text as YAML writes it on one line."""
    return str(yaml.safe_dump(text, allow_unicode=True, width=10_000)).splitlines()[0]
