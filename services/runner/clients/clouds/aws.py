"""AWS: tokens of EKS clusters, passwords of ECR.

A cluster's token is a presigned `sts:GetCallerIdentity` with the cluster's name among its signed headers, good for 15
minutes (https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster). ECR's
password is asked for with `GetAuthorizationToken`, good for 12 hours
(https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html and its public counterpart).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from shared.contracts.base import Json
from shared.contracts.times import epoch

from .minted import CloudProblem, Minted
from .pod_identity import PodIdentity
from .sign_in import CloudSignIn
from .sigv4 import AwsKeys, SigningScope, presigned_url, signed_headers
from .vendor_service import VendorRequest, VendorService, text_of

_EKS_LIFE_S = 14 * 60.0
"""A minute less than the cluster grants, as AWS's own command says it."""
_STS_VERSION = "2011-06-15"
_PUBLIC_HOST = "public.ecr.aws"
_REGIONS = (
    re.compile(r"\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"),
    re.compile(r"https://[^/]*\.([a-z0-9-]+)\.eks\.amazonaws\.com(?:\.cn)?/?"),
)
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d{1,2}")
_POD_ADVICE = "Give the runner's ServiceAccount a role by IRSA or EKS Pod Identity, or use keys."


def mint(sign_in: CloudSignIn, service: VendorService, pod: PodIdentity) -> Minted:
    """A token for the endpoint's cluster or registry. Raises CloudProblem."""
    account = _Account(sign_in, service, pod)
    return account.ecr_password() if sign_in.host else account.eks_token()


class _Account:
    """One identity in one region."""

    def __init__(self, sign_in: CloudSignIn, service: VendorService, pod: PodIdentity) -> None:
        self._sign_in = sign_in
        self._service = service
        self._pod = pod
        self._region = _region(sign_in, pod)
        self._suffix = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"

    def eks_token(self) -> Minted:
        keys = self._keys()
        # The presigned request is first seen by the cluster, which says only 401: STS itself says what is wrong.
        self._sts(keys, {"Action": "GetCallerIdentity"}, "sts:GetCallerIdentity")
        now = self._service.now()
        query = urlencode({"Action": "GetCallerIdentity", "Version": _STS_VERSION})
        url = f"https://sts.{self._region}.{self._suffix}/?{query}"
        headers = {"x-k8s-aws-id": self._sign_in.value("eksCluster")}
        signed = presigned_url(keys, SigningScope(self._region, "sts"), url, headers, now, 60)
        token = "k8s-aws-v1." + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")
        return Minted(token, min(now + _EKS_LIFE_S, keys.ends_at))

    def ecr_password(self) -> Minted:
        is_public = self._sign_in.host == _PUBLIC_HOST
        name = "ecr-public" if is_public else "ecr"
        target = "SpencerFrontendService" if is_public else "AmazonEC2ContainerRegistry_V20150921"
        keys = self._keys()
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{target}.GetAuthorizationToken",
        }
        url = self._sign_in.value("cloudURL") or f"https://api.{name}.{self._region}.{self._suffix}"
        answer = self._signed_json(keys, name, f"{url.rstrip('/')}/", headers, b"{}", f"{name}:GetAuthorizationToken")
        listed = answer.get("authorizationData")
        data = listed[0] if isinstance(listed, list) and listed else listed
        if not isinstance(data, dict):
            raise CloudProblem("odd-answer", "ECR answered without authorizationData.")
        user, password = _pair(text_of(data, "authorizationToken", "ECR"))
        ends_at = data.get("expiresAt")
        if not isinstance(ends_at, int | float):
            ends_at = self._service.now() + 12 * 3600
        return Minted(password, float(ends_at), user)

    # ------------------------------------------------------------------------------------------------------------ keys

    def _keys(self) -> AwsKeys:
        keys = self._keys_of_pod() if self._sign_in.by_pod else self._own_keys()
        role = self._sign_in.value("awsRoleArn")
        if not role:
            return keys
        values = {"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "portside"}
        return _keys_in(self._sts(keys, values, f"sts:AssumeRole of {role}"))

    def _own_keys(self) -> AwsKeys:
        key_id, secret = (self._sign_in.value(name) for name in ("awsAccessKeyId", "awsSecretAccessKey"))
        if not key_id or not secret:
            raise CloudProblem("incomplete", "it lacks awsAccessKeyId or awsSecretAccessKey.")
        return AwsKeys(key_id, secret)

    def _keys_of_pod(self) -> AwsKeys:
        if (document := self._pod.aws_credentials()) is not None:
            key_id, secret, session = (
                text_of(document, name, "The agent of EKS Pod Identity")
                for name in ("AccessKeyId", "SecretAccessKey", "Token")
            )
            return AwsKeys(key_id, secret, session, _time(str(document.get("Expiration") or "")))
        role = self._pod.needed("AWS_ROLE_ARN", _POD_ADVICE)
        values = {
            "Action": "AssumeRoleWithWebIdentity",
            "RoleArn": role,
            "RoleSessionName": "portside",
            "WebIdentityToken": self._pod.token("AWS_WEB_IDENTITY_TOKEN_FILE", _POD_ADVICE),
        }
        return _keys_in(self._sts(None, values, f"sts:AssumeRoleWithWebIdentity of {role}"))

    # -------------------------------------------------------------------------------------------------------- requests

    def _sts(self, keys: AwsKeys | None, values: Mapping[str, str], right: str) -> str:
        url = self._sign_in.value("cloudURL") or f"https://sts.{self._region}.{self._suffix}"
        body = urlencode({**values, "Version": _STS_VERSION}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "accept": "text/xml"}

        def prepare(now: float) -> VendorRequest:
            return self._request(keys, "sts", f"{url.rstrip('/')}/", headers, body, now)

        return self._service.ask(prepare, right)

    def _signed_json(
        self, keys: AwsKeys, name: str, url: str, headers: Mapping[str, str], body: bytes, right: str
    ) -> Json:
        return self._service.ask_json(lambda now: self._request(keys, name, url, headers, body, now), right)

    def _request(
        self, keys: AwsKeys | None, name: str, url: str, headers: Mapping[str, str], body: bytes, now: float
    ) -> VendorRequest:
        if keys is None:
            return VendorRequest(url, body, headers)
        scope = SigningScope(self._region, name)
        return VendorRequest(url, body, signed_headers(keys, scope, "POST", url, headers, body, now))


def _region(sign_in: CloudSignIn, pod: PodIdentity) -> str:
    if sign_in.host == _PUBLIC_HOST:
        # https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
        return "us-east-1"
    if region := sign_in.value("awsRegion"):
        # It becomes part of a host's name, which must stay one of AWS's.
        if not _REGION.fullmatch(region):
            raise CloudProblem("incomplete", f"awsRegion {region[:100]!r} is not a region: write it as eu-central-1.")
        return region
    for pattern in _REGIONS:
        if match := pattern.fullmatch(sign_in.host or sign_in.cluster_url):
            return match[1]
    if region := pod.setting("AWS_REGION"):
        return region
    raise CloudProblem("incomplete", "its address names no AWS region: give awsRegion.")


def _keys_in(xml: str) -> AwsKeys:
    """The credentials in an answer of STS: texts without markup, so no parser is needed."""
    tags = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    matches = {tag: re.search(rf"<{tag}>\s*([^<>&\s]+)\s*</{tag}>", xml) for tag in tags}
    values = {tag: match[1] for tag, match in matches.items() if match}
    if len(values) < len(tags):
        raise CloudProblem("odd-answer", "STS answered without credentials.")
    return AwsKeys(
        values["AccessKeyId"], values["SecretAccessKey"], values["SessionToken"], _time(values["Expiration"])
    )


def _time(text: str) -> float:
    try:
        return epoch(text)
    except ValueError:
        raise CloudProblem("odd-answer", "AWS answered with credentials that name no end.") from None


def _pair(token: str) -> tuple[str, str]:
    try:
        user, colon, password = base64.b64decode(token, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon or not password:
        raise CloudProblem("odd-answer", "ECR answered with a token that holds no user name and password.")
    return user, password
