"""What every service reads from its environment; each service adds its own fields in its `settings.py`."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.contracts.public_url import public_url_flaw
from shared.process.addresses import Network, read_network
from shared.process.broker_url import node_urls


def default_instance() -> str:
    """`<host>-<pid>`: tells two processes of one service apart."""
    return f"{socket.gethostname()}-{os.getpid()}"


class _FileSource(PydanticBaseSettingsSource):
    """Reads a field from the file that `<FIELD>_FILE` names, as container secrets are mounted."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            name = field_name.upper()
            raise ValueError(
                f"{name}_FILE names {path}, which cannot be read ({error.strerror}); mount it or unset {name}_FILE"
            ) from error

    def __call__(self) -> dict[str, Any]:
        values = (
            (name, self.get_field_value(field, name)[0]) for name, field in self.settings_cls.model_fields.items()
        )
        return {name: value for name, value in values if value is not None}


class CommonSettings(BaseSettings):
    """Common fields; the environment variable is the field's name in capitals, `<NAME>_FILE` reads it from a file."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, use_attribute_docstrings=True)

    amqp_url: str = "amqp://guest:guest@127.0.0.1:5672/"
    """The broker, as `amqp://user:password@host:port/vhost`. The nodes of a cluster are listed, as in
    `amqp://user:password@host-1:5672,host-2:5672/vhost`, or are the addresses of one name; each is tried in turn."""
    database_url: str = ""
    """Only config opens it; empty means `portside.db` in the home folder."""
    portside_home: Path = Path(".portside")
    """The folder of keys, health files, the gateway's spool and the embedded database."""
    public_url: str = ""
    """Where the world reaches the gateway: scheme, host and port. A path is refused, since pages are at the root. While
    it is set it cannot be changed on the page *Settings*; blank, or the same as `LOCAL_URL`, leaves it to that page."""
    local_url: str = "http://127.0.0.1:8080"
    """Where this machine reaches the gateway, which is the public address until somebody says another."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port of this process's metrics for Prometheus, at `/metrics`; 0 serves none. Each process needs its own."""
    metrics_host: str = "127.0.0.1"
    """Address of that port; 0.0.0.0 where Prometheus is on another machine. It names projects and pipelines, and asks
    for no password."""
    instance: str = Field(default_factory=default_instance)
    """Tells two processes of one service apart, in logs, health files and queues."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        if isinstance(values, dict):
            home = Path(values.get("portside_home") or ".portside").absolute()
            values["portside_home"] = home
            values["database_url"] = values.get("database_url") or f"sqlite:///{home}/portside.db"
            for name in ("public_url", "local_url"):
                if isinstance(url := values.pop(name, None), str) and url.strip():
                    values[name] = url.strip().rstrip("/")
        return values

    @field_validator("public_url", "local_url")
    @classmethod
    def _is_public(cls, url: str) -> str:
        if url and (flaw := public_url_flaw(url)):
            raise ValueError(flaw)
        return url

    @field_validator("amqp_url")
    @classmethod
    def _is_amqp(cls, url: str) -> str:
        node_urls(url)
        return url

    @property
    def first_address(self) -> str:
        """The public address as far as the environment tells."""
        return self.public_url or self.local_url

    @property
    def home(self) -> Path:
        return self.portside_home

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)


class OutgoingSettings(CommonSettings):
    """Of the services that call servers which somebody else chose."""

    outgoing_local: bool = False
    """Let tasks and endpoints reach the process's own machine, link-local networks and its cloud's metadata service."""
    outgoing_deny: str = ""
    """Networks that nothing reaches from the process, separated by commas, as in 10.0.5.0/24, fd00:5::/64."""

    @field_validator("outgoing_deny")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        _networks(text)
        return text

    @property
    def denied_networks(self) -> tuple[Network, ...]:
        """`outgoing_deny`, read."""
        return _networks(self.outgoing_deny)


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(read_network(part) for part in text.split(",") if part.strip())


S = TypeVar("S", bound=CommonSettings)


def read(kind: type[S]) -> S:
    """The settings as the environment has them. What cannot be read ends the process with a line that names it."""
    try:
        return kind()
    except ValidationError as error:
        wrong = [
            ": ".join((*(str(part).upper() for part in flaw["loc"]), flaw["msg"].removeprefix("Value error, ")))
            for flaw in error.errors()
        ]
    except ValueError as error:
        wrong = [str(error)]
    sys.exit("\n".join([*wrong, "Correct it in the environment; docs/reference/settings.md lists every setting."]))
