"""The table of routes as Flask has it: prefixes, authentication, errors, content types."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from services.gateway.app_context import AppContext
from services.gateway.sessions import NotSignedIn
from shared.contracts.envelope import ANONYMOUS, Caller
from shared.contracts.problems import Code, Problem, Refused
from shared.process.clock import now
from shared.process.ids import new_id
from shared.process.logging import get_logger

from . import encoded_slashes, openapi, parameters, signposts, wire
from .call import Call, Reply
from .route import Route
from .routes import PREFIXES, ROUTES

_CODES = {400: Code.INVALID, 401: Code.UNAUTHENTICATED, 403: Code.FORBIDDEN, 404: Code.NOT_FOUND}
_SIGN_IN = (
    "POST /csp/gateway/am/api/login with username and password, or /iaas/api/login with an API token, then send "
    "Authorization: Bearer <access_token>. API tokens are made at {url}/account."
)


def create_blueprint(context: AppContext) -> Blueprint:
    """Every route under every prefix that it answers to."""
    blueprint = Blueprint("api", __name__)
    for route in ROUTES:
        for prefix in ("",) if route.absolute else PREFIXES:
            rule = prefix + route.path.replace("{", "<").replace("}", ">")
            blueprint.add_url_rule(
                rule,
                endpoint=f"{route.method} {rule}",
                view_func=_view(context, route),
                methods=[route.method],
                strict_slashes=False,
            )
    blueprint.add_url_rule(
        "/openapi.json", "openapi", lambda: Response(openapi.encoded(), content_type="application/json")
    )
    return blueprint


def is_api(path: str) -> bool:
    """Does an error on this path belong to the API's clients?"""
    return path.startswith((*PREFIXES, "/iaas/", "/csp/", "/oauth/", "/project-service/", "/openapi.json"))


def answer_error(error: Exception) -> Response:
    """Any failure in the API's error shape; a traceback goes to the log and never to a caller."""
    if isinstance(error, Refused):
        return _problem(error.problem)
    if isinstance(error, HTTPException):
        return _http_error(error)
    request_id = new_id()
    get_logger().exception("request.failed", path=request.path, method=request.method, request=request_id)
    message = "Something went wrong inside the gateway; its log has the details."
    return _problem(Problem(code=Code.INTERNAL, message=message, subject=request_id), request_id)


def _view(context: AppContext, route: Route) -> Any:
    def view(**path: str) -> Response:
        caller = ANONYMOUS if route.public else _caller(context)
        named = {key: encoded_slashes.decode_slashes(value) for key, value in path.items()}
        parameters.demand_typed(named, {name: request.args.get(name, "") for name in route.query})
        return _send(route.handler(Call(context, caller, request, named)))

    return view


def _caller(context: AppContext) -> Caller:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(_unauthenticated(context, "Sign in first."))
    try:
        return context.sessions.read(token.strip())
    except NotSignedIn as error:
        raise Refused(_unauthenticated(context, f"{error}.")) from None


def _unauthenticated(context: AppContext, message: str) -> Problem:
    step = _SIGN_IN.format(url=context.public_address.last_known())
    return Problem(code=Code.UNAUTHENTICATED, message=message, next_step=step)


def _send(reply: Reply) -> Response:
    body = reply.text if reply.text is not None else wire.encoded(reply.document)
    return Response(body, reply.status, dict(reply.headers), content_type=reply.content_type)


def _problem(problem: Problem, request_id: str | None = None) -> Response:
    path = encoded_slashes.decode_slashes(request.path)
    if problem.code is Code.NOT_FOUND and not problem.next_step:
        problem = problem.model_copy(update={"next_step": signposts.unknown_object(path)})
    status, body = wire.error_body(problem, path=path, at=now(), request_id=request_id or new_id())
    response = Response(json.dumps(body), status, content_type="application/json")
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="portside"'
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    path = encoded_slashes.decode_slashes(request.path)
    allowed = getattr(error, "valid_methods", None) or ()
    message, next_step = {
        404: (f"There is nothing at {path}.", signposts.unknown_address(path)),
        405: (f"{path} does not support {request.method}.", signposts.wrong_method(allowed)),
        413: ("The body is too large.", ""),
    }.get(status, (error.description or error.name, ""))
    problem = Problem(code=_CODES.get(status, Code.INVALID), message=message, next_step=next_step)
    _, body = wire.error_of_status(status, problem, path=path, at=now(), request_id=new_id())
    response = Response(json.dumps(body), status, content_type="application/json")
    if allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response
