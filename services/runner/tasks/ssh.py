"""SSH: a script on a host, detached from the connection, so that the next holder finds it again.

It lives in `~/.portside/<id>` there, `<id>` made from the key of this try: a second start finds the folder and starts
nothing. The script and its environment are removed at the end; its log, errors and response stay for a week.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

import paramiko

from services.runner.clients import ssh
from services.runner.task_protocol import Done, Effect, Running, Step, Task, TaskFailed, TaskRequest, as_word
from services.runner.tasks.shell_values import VALUES, fill_shell, with_variables
from shared.contracts.base import Json
from shared.contracts.texts import integer, whole_number
from shared.grammar.expressions import TOKEN
from shared.grammar.json_parser import parse_json
from shared.grammar.resolving import Scope, as_text, token_value
from shared.outbound.guard import Guard, Reach

_CHUNK = 256 * 1024
_CHUNKS_A_LOOK = 16
"""More is not read at once of a script that still runs: it may print faster than anybody reads."""
_MAX_CHUNKS = 64
"""More of a finished script's output is left out: 16 MiB."""
_KEPT_LOG = 64 * 1024
_OUTAGE_ALLOWED_S = 60.0

_BEGIN = """\
umask 077
base="$HOME/.portside"; mkdir -p "$base" || exit 90
find "$base" -mindepth 1 -maxdepth 1 -type d -mtime +7 -exec rm -rf {{}} + 2>/dev/null
new="$base/{id}.new.$$"; mkdir "$new" || exit 90
cat > "$new/run" || exit 90
: > "$new/log"; : > "$new/error"; : > "$new/response"
if [ ! -e "$base/{id}" ] && mv "$new" "$base/{id}" 2>/dev/null; then
  apart=$(command -v setsid || command -v nohup)
  $apart sh "$base/{id}/run" < /dev/null > /dev/null 2>&1 &
else
  rm -rf "$new"
fi
printf '%s' "$base/{id}"
"""

_RUN = """\
d="$HOME/.portside/{id}"
echo $$ > "$d/pid"
export SCRIPT_RESPONSE_FILE="$d/response"
{environment}
cat > "$d/script" <<'{end}'
{script}
{end}
chmod 700 "$d/script"
( {cd} && {shell} "$d/script" {arguments} ) > "$d/log" 2> "$d/error"
code=$?
rm -f "$d/script" "$d/run"
echo $code > "$d/exit.new"; mv "$d/exit.new" "$d/exit"
"""

_LOOK = """\
d={folder}
if [ -f "$d/exit" ]; then cat "$d/exit"
elif [ ! -d "$d" ]; then echo gone
elif [ ! -f "$d/pid" ] || kill -0 "$(cat "$d/pid")" 2>/dev/null; then echo running
elif sleep 1; [ -f "$d/exit" ]; then cat "$d/exit"
else echo gone
fi
"""

_END = """\
d={folder}; p=$(cat "$d/pid" 2>/dev/null) || exit 0
kill -s TERM -- "-$p" 2>/dev/null || kill -s TERM "$p" 2>/dev/null
n=0; while kill -0 "$p" 2>/dev/null && [ $n -lt 30 ]; do sleep 0.1; n=$((n+1)); done
kill -s KILL -- "-$p" 2>/dev/null
rm -f "$d/script" "$d/run"
"""


class SSH(Task):
    """Runs a script; an exit code other than 0 fails the task."""

    name = "SSH"

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def effect(self, task_input: Json) -> Effect:
        return Effect.KEYED

    def fill(self, task_input: Json, scope: Scope) -> Json:
        return fill_shell({"script": task_input.get("script")}, scope) | _arguments_filled(task_input, scope)

    def start(self, request: TaskRequest) -> Step:
        script = request.text("script")
        if not script.strip():
            raise TaskFailed("The task has no script: write shell commands into `script`.")
        login = _login(request)
        client = self._connect(request, login)
        text = _BEGIN.format(id=request.key)
        try:
            code, folder = _call(client, text, _script(request, script))
        except _LOST as error:
            self._close(request)
            raise TaskFailed(f"{login.place}: the connection was lost while the script was sent: {error}") from None
        if code != 0 or not folder.startswith("/"):
            raise TaskFailed(f"{login.place}: cannot write to ~/.portside (exit code {code}).")
        request.tools.log(f"Script {request.key} on {login.place}")
        return Running({"folder": folder}, f"Runs on {login.host}", again_after_s=0.2)

    def observe(self, request: TaskRequest, handle: Json) -> Step:
        login, folder = _login(request), str(handle["folder"])
        try:
            client = self._connect(request, login)
            _, state = _call(client, _LOOK.format(folder=shlex.quote(folder)))
            self._print(request, client, folder, over=state.strip() != "running")
            request.memory.pop("outage", None)
        except _LOST as error:
            self._close(request)
            since = request.memory.setdefault("outage", request.tools.now())
            if request.tools.now() - since > _OUTAGE_ALLOWED_S:
                raise TaskFailed(f"{login.place} no longer answers: {error}") from None
            return Running(handle, f"{login.host} does not answer", again_after_s=2.0)
        if state.strip() == "running":
            return Running(handle, f"Runs on {login.host}", again_after_s=1.0)
        try:
            return self._over(request, client, folder, state.strip())
        finally:
            self._close(request)

    def cancel(self, request: TaskRequest, handle: Json) -> None:
        try:
            _call(self._connect(request, _login(request)), _END.format(folder=shlex.quote(str(handle["folder"]))))
        except _LOST as error:
            raise TaskFailed(f"The script could not be ended: {error}") from None
        finally:
            self._close(request)

    def _over(self, request: TaskRequest, client: paramiko.SSHClient, folder: str, state: str) -> Step:
        _, response = _call(client, f"head -c {_CHUNK} {shlex.quote(folder)}/response 2>/dev/null")
        texts = {name: bytes(request.memory.get(f"{name} text", b"")).decode("utf-8", "replace") for name in _STREAMS}
        code = integer(state)
        done = code == 0
        output: Json = {
            "status": "COMPLETED" if done else "FAILED",
            "exitCode": code,
            "completed": True,
            "scriptExecutionId": request.key,
            "userFolder": folder,
            "response": _value(response),
            "responseFilePath": f"{folder}/response",
            "logs": texts["log"],
            "logFilePath": f"{folder}/log",
            "error": texts["error"],
            "errorFilePath": f"{folder}/error",
            "errorMessage": "" if done else _last(texts["error"] or texts["log"]),
        }
        if done:
            return Done(output, "The script is done.")
        if code is None:
            raise TaskFailed(
                "The script is gone without an exit code: its host was restarted, or it was killed.", output
            )
        reason = f": {output['errorMessage']}" if output["errorMessage"] else "."
        raise TaskFailed(f"The script ended with exit code {code}{reason}", output)

    def _print(self, request: TaskRequest, client: paramiko.SSHClient, folder: str, *, over: bool) -> None:
        """Pass on the lines that the script has printed since the last look, to the end where it prints no more.

        Only whole ones: in two halves of a line nobody would know the secret that lies across them.
        """
        for name in _STREAMS:
            if over:
                self._skip(request, client, folder, name)
            for _ in range(_MAX_CHUNKS if over else _CHUNKS_A_LOOK):
                at = request.memory.get(f"{name} at", 0)
                _, text = _call(
                    client, f"tail -c +{at + 1} {shlex.quote(folder)}/{name} 2>/dev/null | head -c {_CHUNK}"
                )
                new = text.encode("utf-8", "surrogateescape")
                request.memory[f"{name} at"] = at + len(new)
                request.memory[f"{name} text"] = _tail(request.memory.get(f"{name} text", b"") + new)
                whole, end, rest = (request.memory.get(f"{name} rest", b"") + new).rpartition(b"\n")
                if len(rest) > _KEPT_LOG or (over and len(new) < _CHUNK):
                    whole, rest = whole + end + rest, b""
                request.memory[f"{name} rest"] = rest
                for line in whole.decode("utf-8", "replace").splitlines():
                    request.tools.log(line)
                if len(new) < _CHUNK:
                    break

    def _skip(self, request: TaskRequest, client: paramiko.SSHClient, folder: str, name: str) -> None:
        """Leave out what is too much of a finished script's output; its beginning is read already, its end will be."""
        _, size = _call(client, f"wc -c < {shlex.quote(folder)}/{name}")
        at = int(request.memory.get(f"{name} at", 0))
        excess = (whole_number(size.strip(), digits=18) or 0) - at - _MAX_CHUNKS * _CHUNK
        if excess > 0:
            request.tools.log(f"… {excess} bytes left out …")
            request.memory[f"{name} at"] = at + excess

    def _connect(self, request: TaskRequest, login: ssh.Login) -> paramiko.SSHClient:
        client: paramiko.SSHClient | None = request.memory.get("client")
        if client is not None and (transport := client.get_transport()) is not None and transport.is_active():
            return client

        def unseen(key: str) -> None:
            if not request.memory.get("unseen told"):
                request.memory["unseen told"] = True
                request.tools.log(f"{login.host} shows the host key {key}. Put it into `hostKey` to accept no other.")

        try:
            client = ssh.connect(login, self._guard, _REACH, unseen)
        except ssh.SshProblem as problem:
            if "folder known" in request.memory:
                raise
            raise TaskFailed(problem.message) from None
        request.memory["client"] = client
        request.memory["folder known"] = True
        return client

    def _close(self, request: TaskRequest) -> None:
        client = request.memory.pop("client", None)
        if client is not None:
            client.close()


_LOST = (ssh.SshProblem, paramiko.SSHException, OSError, EOFError)
_STREAMS = ("log", "error")
_REACH = Reach()


def _login(request: TaskRequest) -> ssh.Login:
    host, port = _host_and_port(request.text("host").strip())
    user = request.text("username").strip()
    if not host or not user:
        raise TaskFailed("An SSH task needs `host` and `username`.")
    return ssh.Login(
        host,
        user,
        int(request.number("port", port)),
        password=request.text("password"),
        private_key=request.text("privatekey"),
        passphrase=request.text("passphrase"),
        host_key=request.text("hostKey"),
    )


def _host_and_port(text: str) -> tuple[str, float]:
    """`host`, `host:22`, `[::1]:22`, and `::1`, whose colons are its own."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, 22
    match = _HOST.fullmatch(text)
    if match is None:
        raise TaskFailed(f"`host` must be such as app.example.com, app.example.com:2222 or [::1]:2222, not {text!r}.")
    return match["inner"] or match["plain"] or "", float(match["port"] or 22)


_HOST = re.compile(r"(?:\[(?P<inner>[^\[\]]+)\]|(?P<plain>[^:\[\]]*))(?::(?P<port>\d{1,5}))?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _script(request: TaskRequest, script: str) -> str:
    """What runs on the host: the environment, then the author's script, as written or by `sh`."""
    variables = request.table("environmentVariables")
    if wrong := [name for name in variables if not _VARIABLE.fullmatch(name)]:
        raise TaskFailed(
            f"`environmentVariables` has {wrong[0]!r}: a shell knows names of letters, digits and _ alone."
        )
    environment = "\n".join(f"export {name}={shlex.quote(as_word(value))}" for name, value in variables.items())
    arguments = request.input.get("arguments") or []
    words = _words(arguments) if isinstance(arguments, str) else [as_word(argument) for argument in arguments]
    folder = request.text("workingDirectory").strip()
    shell = "sh" if request.flag("continueOnCommandFailure") else "sh -e"
    return _RUN.format(
        id=request.key,
        environment=environment,
        end=f"portside-{request.key}",
        script=with_variables(script.replace("\r\n", "\n"), request.table(VALUES)).rstrip("\n"),
        cd=f"cd {shlex.quote(folder)}" if folder else "cd",
        shell="" if script.startswith("#!") else shell,
        arguments=" ".join(map(shlex.quote, words)),
    )


def _arguments_filled(task_input: Json, scope: Scope) -> Json:
    """`arguments` that are one text: it is taken apart before values are put in, so that each value is within one.

    A text that is one reference alone is all arguments.
    """
    arguments = task_input.get("arguments")
    if not isinstance(arguments, str) or TOKEN.fullmatch(arguments.strip()) or not TOKEN.search(arguments):
        return {}
    text = TOKEN.sub(lambda token: f"\0{token.start()}\0", arguments)
    tokens = {str(token.start()): token for token in TOKEN.finditer(arguments)}

    def put(match: re.Match[str]) -> str:
        return as_text(token_value(tokens[match[1]], scope, "input.arguments"))

    return {"arguments": [re.sub("\0([0-9]+)\0", put, word) for word in _words(text)]}


def _words(arguments: str) -> list[str]:
    """A text of arguments, taken apart as a shell does. Raises `TaskFailed`."""
    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise TaskFailed(f"`arguments` cannot be taken apart: {error}. Give them as a list.") from None


def _tail(text: bytes) -> bytes:
    """The last lines of a text, whole ones for the same reason."""
    kept = text[-_KEPT_LOG:]
    return kept if len(kept) == len(text) else kept[kept.find(b"\n") + 1 :]


def _value(response: str) -> Any:
    """The response file as JSON, else as text."""
    try:
        return parse_json(response)
    except ValueError:
        return response


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _call(client: paramiko.SSHClient, command: str, stdin: str = "") -> tuple[int, str]:
    code, printed = ssh.run(client, command, stdin)
    return code, printed.decode("utf-8", "surrogateescape")
