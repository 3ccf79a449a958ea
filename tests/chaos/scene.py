"""What the chaos runs: a repository for each way in which runs of one pipeline may meet, deployed and announced."""

from __future__ import annotations

from cli import demo
from tests.support.world import World, wait_for

POLICIES = ("queue-latest", "queue", "parallel", "cancel-older")

PIPELINE = """---
project: default
kind: PIPELINE
name: {name}
enabled: true
concurrency: 10
supersede: {policy}
options: [DOCKER_TRIGGER]
input:
  DOCKER_IMAGE: ''
  DOCKER_TAG: ''
stageOrder: [Deploy, Announce]
stages:
  Deploy:
    taskOrder: [Apply]
    tasks:
      Apply:
        type: K8S
        endpoints: {{kubernetesServer: {cluster}}}
        input:
          action: APPLY
          timeout: 2
          yaml: |
            apiVersion: apps/v1
            kind: Deployment
            metadata: {{name: {short}, namespace: {namespace}}}
            spec:
              replicas: 1
              selector: {{matchLabels: {{app: {short}}}}}
              template:
                metadata: {{labels: {{app: {short}}}}}
                spec:
                  containers:
                  - {{name: main, image: "${{input.DOCKER_IMAGE}}:${{input.DOCKER_TAG}}"}}
  Announce:
    taskOrder: [Once]
    tasks:
      Once:
        type: REST
        input:
          action: post
          url: {outside}/${{input.DOCKER_TAG}}
          payload: '{{}}'
"""


def repository_of(policy: str) -> str:
    return f"acme/{policy}"


def deployment_of(repository: str) -> str:
    return f"/apis/apps/v1/namespaces/{demo.NAMESPACE}/deployments/{repository.rpartition('/')[2]}"


def is_stream(repository: str) -> bool:
    """Whether it is one of those that take many pushes a second."""
    return repository.startswith(repository_of("stream-"))


def define(world: World, outside_url: str, *, streams: int = 0) -> list[str]:
    """A pipeline and a webhook for each repository; returns the repositories once the Hub has all hooks.

    `streams` are further repositories of which only the newest push waits, for many pushes a second.
    """
    world.define_endpoints()
    policies = {policy: policy for policy in POLICIES} | {f"stream-{n}": "queue-latest" for n in range(streams)}
    for name, policy in policies.items():
        repository = repository_of(name)
        world.steer_hub("repositories", {"name": repository, "admins": [demo.HUB_USER]})
        text = PIPELINE.format(
            name=f"Deploy {name}",
            policy=policy,
            cluster=demo.CLUSTER_ENDPOINT,
            short=name,
            namespace=demo.NAMESPACE,
            outside=outside_url,
        )
        world.client.import_yaml(text, "apply")
        body = {
            "name": f"hook-{name}",
            "project": "default",
            "endpoint": demo.HUB_ENDPOINT,
            "pipeline": f"Deploy {name}",
            "serverType": "DockerHub",
            "repoName": repository,
            "enabled": True,
        }
        world.client.post("/registry-webhooks", body)

    def all_in_step() -> bool:
        hooks = world.client.documents("/registry-webhooks")
        return len(hooks) == len(policies) and all(hook["hubState"] == "in step" for hook in hooks)

    wait_for(all_in_step, "the Hub to have all hooks")
    return [repository_of(name) for name in policies]
