"""What the cluster says about itself: versions, groups, resources."""

from __future__ import annotations

from .errors import Obj, no_such_path
from .kinds import REVIEWS, KindRow

VERSION: Obj = {
    "major": "1",
    "minor": "31",
    "gitVersion": "v1.31.0",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
    "buildDate": "2024-08-13T07:28:49Z",
    "goVersion": "go1.22.5",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def answer(path: str, rows: list[KindRow], host: str) -> Obj:
    """The discovery document at `path`, or 404."""
    if path == "/version":
        return VERSION
    if path == "/api":
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": host}
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(rows, name) for name in _groups(rows)]}
    parts = path.strip("/").split("/")
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in _groups(rows):
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(rows, parts[1])}
    if path == "/api/v1":
        return _resources(rows, "", "v1")
    if parts[0] == "apis" and len(parts) == 3 and (parts[1], parts[2]) in _versions(rows):
        return _resources(rows, parts[1], parts[2])
    raise no_such_path()


def _versions(rows: list[KindRow]) -> list[tuple[str, str]]:
    versions = [(row.group, row.version) for row in rows if row.group]
    return list(dict.fromkeys([*versions, ("authorization.k8s.io", "v1")]))


def _groups(rows: list[KindRow]) -> list[str]:
    return list(dict.fromkeys(group for group, _ in _versions(rows)))


def _group(rows: list[KindRow], name: str) -> Obj:
    versions = [
        {"groupVersion": f"{group}/{version}", "version": version}
        for group, version in _versions(rows)
        if group == name
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(rows: list[KindRow], group: str, version: str) -> Obj:
    listed: list[Obj] = []
    for row in rows:
        if (row.group, row.version) != (group, version):
            continue
        entry: Obj = {
            "name": row.plural,
            "singularName": row.kind.lower(),
            "namespaced": row.namespaced,
            "kind": row.kind,
            "verbs": _VERBS,
        }
        if row.short:
            entry["shortNames"] = list(row.short)
        listed.append(entry)
        for sub in row.subresources:
            kind = "Scale" if sub == "scale" else row.kind
            verbs = ["get"] if sub == "log" else ["get", "patch", "update"]
            part: Obj = {"name": f"{row.plural}/{sub}", "singularName": "", "namespaced": row.namespaced, "kind": kind}
            if sub == "scale":
                part |= {"group": "autoscaling", "version": "v1"}
            listed.append(part | {"verbs": verbs})
    if group == "authorization.k8s.io":
        for plural, kind in REVIEWS.items():
            listed.append(
                {"name": plural, "singularName": kind.lower(), "namespaced": False, "kind": kind, "verbs": ["create"]}
            )
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}
