"""Random secrets in files, made once: what `docker compose` mounts into each container, and no more than it needs."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from cli import files
from cli.rabbitmq import SMALL_LOG
from cli.system import first_password
from shared.process.secrets import create_keys

READABLE = 0o644


def own_secrets(private_key: Path | None = None) -> dict[str, str]:
    """Keys and the first administrator's password by name, made at random but for a private key that exists.

    `ADMIN_PASSWORD` brings a password of one's own; raises SetUpFailed where that is easy to guess.
    """
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        keys.mkdir()
        if private_key is not None and private_key.exists():
            shutil.copy(private_key, keys / "seal.key")
        create_keys(Path(folder))
        texts = {name: (keys / name).read_text().strip() for name in ("seal.key", "seal.pub", "jwt.key")}
    return {**texts, "admin-password": first_password()}


def create(root: Path) -> list[Path]:
    """Make what is missing under `root`; what is there stays. Returns the files that were made.

    `broker-config` and `database-config` are read by the broker's and the database's own users, and hold only what is
    theirs; everything else is for ours alone.
    """
    paths: list[Path] = []

    def put(place: str, text: str, mode: int = files.PRIVATE) -> str:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            draft = path.with_name(f".{path.name}.draft")
            files.write(draft, text + "\n", mode)
            os.chmod(draft, mode)
            draft.rename(path)
            paths.append(path)
        return path.read_text().strip()

    keys = own_secrets(root / "private" / "seal.key")
    put("private/seal.key", keys["seal.key"])
    put("public/seal.pub", keys["seal.pub"])
    put("gateway/jwt.key", keys["jwt.key"])
    put("admin/password", keys["admin-password"])

    broker = put("broker/password", os.environ.get("RABBITMQ_PASSWORD") or secrets.token_urlsafe(24))
    put("broker/amqp-url", f"amqp://portside:{broker}@rabbitmq:5672/")
    put("broker/management-url", f"http://portside:{broker}@rabbitmq:15672")
    settings = (
        "listeners.tcp.default = 5672",
        "management.tcp.port = 15672",
        "default_user = portside",
        f"default_pass = {broker}",
        "loopback_users = none",
        "log.console = true",
        SMALL_LOG,
    )
    put("broker-config/rabbitmq.conf", "\n".join(settings), READABLE)

    database = put("database/password", os.environ.get("POSTGRES_PASSWORD") or secrets.token_urlsafe(24))
    put("database/url", f"postgresql+psycopg://portside:{database}@postgres:5432/portside")
    put("database-config/database-password", database, READABLE)
    return paths
