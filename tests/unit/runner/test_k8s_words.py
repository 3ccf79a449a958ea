"""What a cluster refuses is reported in words a person can act on."""

from __future__ import annotations

import json

import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError

from services.runner.tasks.k8s.errors import from_exception


def answer(status: int, message: str) -> ApiException:
    error = ApiException(status=status, reason="x")
    error.body = json.dumps({"message": message})
    return error


ANSWERS = [
    (answer(401, "Unauthorized"), "refused the sign-in"),
    (
        answer(
            403,
            'deployments.apps "web" is forbidden: User "system:serviceaccount:ci:bot" cannot patch resource '
            '"deployments" in API group "apps" in the namespace "prod"',
        ),
        "system:serviceaccount:ci:bot may not patch deployments.apps in the namespace prod; grant that verb",
    ),
    (answer(403, 'pods "x" is forbidden: exceeded quota: q, requested: pods=1'), "quota is exceeded"),
    (answer(404, 'namespaces "prod" not found'), "the namespace prod does not exist"),
    (answer(422, "spec.selector: Invalid value: field is immutable"), "that field cannot change"),
    (
        answer(
            422,
            'Job "j" is invalid: spec.template: Invalid value: core.PodTemplateSpec{A:b.C{D:""}}: field is immutable',
        ),
        "spec.template: field is immutable (that field cannot change",
    ),
    (answer(422, "the server rejected our request due to an error in our request"), "every path of the patch"),
    (answer(422, ".stringData.pin: expected string, got &value.valueUnstructured{Value:4711}"), "(write it in quotes)"),
    (
        answer(
            500,
            "unable to convert unstructured object: illegal base64 data, error found in #10 byte of ...|4711|...",
        ),
        "write clear text into `stringData`",
    ),
    (
        answer(422, 'patch: Invalid value: "{\\"data\\":{\\"pin\\":\\"4711\\"}}": v1.Secret.Data: bad'),
        "v1.Secret.Data: bad",
    ),
    (
        answer(
            422,
            'StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
            "'replicas', 'template', and 'updateStrategy' are forbidden",
        ),
        "--cascade=orphan",
    ),
    (
        answer(500, "failed to create typed patch object: .spec.env: duplicate entries for key [name=A]"),
        "`kubectl apply` lets the last one count, so keep that and remove the other",
    ),
    (answer(407, "Proxy Authentication Required"), "put its user name and password into the endpoint's proxyUser"),
    (
        MaxRetryError(None, "/", ProxyError("", OSError("Tunnel connection failed: 407 Proxy sign-in"))),  # type: ignore[arg-type]
        "Cannot reach https://k: a proxy before the cluster wants a sign-in",
    ),
    (answer(500, "etcdserver: request timed out"), "answered with an error: etcdserver"),
    (
        MaxRetryError(None, "/", NewConnectionError(None, "Connection refused")),  # type: ignore[arg-type]
        "Cannot reach https://k: connection refused; is the cluster up",
    ),
]


@pytest.mark.parametrize(("error", "words"), ANSWERS)
def test_a_clusters_refusal_is_told_in_words(error: Exception, words: str) -> None:
    said = from_exception(error, "https://k", "apply Deployment apps/web").message
    assert words in said
    assert "Traceback" not in said
    assert "4711" not in said, "what the server quotes of an object may be a Secret's value"
