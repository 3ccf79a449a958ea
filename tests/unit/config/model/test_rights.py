from __future__ import annotations

import pytest

from services.config.model.people import SYSTEM, Person
from services.config.model.rights import MATRIX, ProjectRole, Right, ServiceRole, right_in
from shared.contracts.problems import Code, Refused

REFERENCE = """
project    Administrator Developer   Executor  Viewer    User
none       RESTRICTED    EDIT        EXECUTE   READ      NOTHING
Administrator RESTRICTED RESTRICTED  RESTRICTED RESTRICTED RESTRICTED
Member     RESTRICTED    EDIT        EDIT      EDIT      EDIT
Viewer     RESTRICTED    EDIT        EXECUTE   READ      READ
"""


def cells() -> list[tuple[ServiceRole, ProjectRole | None, Right]]:
    head, *rows = (line.split() for line in REFERENCE.strip().splitlines())
    found = []
    for project, *rights in rows:
        role = None if project == "none" else ProjectRole(project)
        found += [(ServiceRole(s), role, Right[right]) for s, right in zip(head[1:], rights, strict=True)]
    return found


@pytest.mark.parametrize(("service", "project", "expected"), cells())
def test_each_pair_of_roles_has_the_right_of_the_reference(
    service: ServiceRole, project: ProjectRole | None, expected: Right
) -> None:
    assert right_in(service, project) is expected


def test_the_matrix_is_complete() -> None:
    assert len(MATRIX) == len(ServiceRole) * (len(ProjectRole) + 1)


def test_a_project_role_never_takes_a_right_away() -> None:
    for service in ServiceRole:
        assert all(right_in(service, role) >= right_in(service, None) for role in ProjectRole)


def test_a_user_sees_only_the_own_projects_and_a_viewer_of_the_service_sees_all() -> None:
    roles = {"web": ProjectRole.VIEWER}
    assert Person("ann", ServiceRole.USER, roles).visible_projects() == frozenset({"web"})
    assert Person("ann", ServiceRole.VIEWER, roles).visible_projects() is None
    assert Person("ann").visible_projects() == frozenset()


def test_a_refusal_says_what_is_needed_and_whom_to_ask() -> None:
    with pytest.raises(Refused) as caught:
        Person("ann").demand("web", Right.EDIT, "create endpoints", ask=["bob"])
    problem = caught.value.problem
    assert problem.code is Code.FORBIDDEN
    assert problem.message == "ann may not create endpoints in project web: that needs the right to change definitions"
    assert problem.next_step == "Ask bob."


def test_portside_itself_may_do_everything() -> None:
    assert SYSTEM.may("any", Right.RESTRICTED)
    SYSTEM.demand_administrator("do it")
