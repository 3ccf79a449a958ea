"""`python -m services.config`: serve; or `migrate`, `copy`, `backup`, `restore`, `verify`, `one-time-code`, `password`,
`local-sign-in` and `new-migration`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Refused
from shared.contracts.texts import counted
from shared.contracts.times import utc
from shared.process import life
from shared.process.logging import configure
from shared.process.password_policy import RULE, demand_good_password, password_flaw
from shared.process.secrets import KeysMissing, new_token, password_digest, token_hash
from shared.process.settings import read

from .accounts.bootstrap import FIRST_USER, ensure_first, lacks_users
from .accounts.passwords import hash_password
from .accounts.sign_in import make_one_time_code
from .accounts.users import Users
from .backup import keyring
from .backup.archive import BackupManifest
from .backup.making import forget_old, make, private_file
from .backup.restoring import restore, verify
from .catalog.installation import InstallationSettings
from .catalog.options import Options
from .migrations import migrate as migrate_store
from .migrations import what_is_missing, write_step
from .model.people import SYSTEM
from .service import Config
from .settings import Settings
from .store import DatabaseUnavailable, Store, copying
from .store.lock import lock_of

SPOOL_HELP = "The gateway's spool; <home>/gateway/spool by default."
HUNG_AFTER_S = 30.0
"""A config that hangs would keep its lock: it ends, with every thread's traceback in its log, and another leads."""


def _settings() -> Settings:
    settings = read(Settings)
    configure("config", instance=settings.instance, level=settings.log_level)
    return settings


def _store(settings: Settings) -> Store:
    store = Store(settings.database_url)
    if missing := what_is_missing(store):
        raise click.ClickException(missing)
    return store


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """The room that opens the database. Without a command: serve."""
    if context.invoked_subcommand is None:
        settings = _settings()
        context.exit(life.run("config", lambda: Config(settings, watchdog=life.Watchdog(HUNG_AFTER_S)).open()))


@main.command()
def migrate() -> None:
    """Bring the database to this release's schema, and make the first project and administrator."""
    settings = _settings()
    if settings.database_url.startswith("sqlite"):
        settings.home.mkdir(parents=True, exist_ok=True)
    store = Store(settings.database_url)
    migrate_store(store)
    file = settings.home / "admin-password"
    first = settings.admin_password or (file.read_text(encoding="utf-8").strip() if file.exists() else "")
    password = hash_password(password_digest(first)) if first else None
    with store.write() as uow:
        if first and lacks_users(uow) and (flaw := password_flaw(first, FIRST_USER)):
            raise click.ClickException(f"ADMIN_PASSWORD cannot be the first administrator's: {flaw} {RULE}")
        ensure_first(uow, password)
    click.echo(f"{store.url.render_as_string(hide_password=True)} is ready")
    store.close()


@main.command("copy")
@click.argument("url")
def copy_database(url: str) -> None:
    """Copy the whole database as of now into the empty one at URL: sqlite:////folder/file.db or postgresql://…"""
    source = _store(_settings())
    target = _private_store(url)
    shown_url = target.url.render_as_string(hide_password=True)
    if target.url == source.url:
        raise click.ClickException(f"{shown_url} is the database itself; name another")
    migrate_store(target)
    if filled := copying.first_filled(target):
        raise click.ClickException(f"{shown_url} is in use: its table {filled} has rows. Name an empty database.")
    lock = lock_of(source)
    alone = lock.acquire()
    copied = sum(copying.copy(source, target).values())
    lock.release()
    click.echo(f"{counted(copied, 'row is', 'rows are')} in {shown_url}")
    if not alone:
        click.echo("config is running: what it writes from now on is not in the copy")
    for store in (source, target):
        store.close()


@main.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--spool", "spools", multiple=True, type=click.Path(path_type=Path), help=SPOOL_HELP)
@click.option("--keys", type=click.Path(path_type=Path), help="Write the keys into this file; keep it elsewhere.")
@click.option("--keep", type=click.IntRange(1), help="Delete all but the newest of the backups in the folder.")
def back_up(target: Path, spools: tuple[Path, ...], keys: Path | None, keep: int | None) -> None:
    """Back up the database and the spool into a file, or into a folder under the time's name, while Portside runs."""
    if keep and not target.is_dir():
        raise click.UsageError("--keep needs a folder as its TARGET")
    settings = _settings()
    store = _store(settings)
    file, manifest = make(store, target, spools or (_spool(settings),))
    store.close()
    click.echo(f"{file}: {_counts(manifest)}")
    if keys is not None:
        keyring.save(settings.home, keys)
        click.echo(f"keys are in {keys}: keep it apart, since with both files every secret can be opened")
    else:
        click.echo("keys are not in it: without seal.key no secret can be opened, so keep that too, elsewhere (--keys)")
    if keep and (deleted := forget_old(target, keep)):
        click.echo(f"deleted {deleted} older")


@main.command("restore")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--spool", type=click.Path(path_type=Path), help=SPOOL_HELP)
@click.option("--keys", type=click.Path(path_type=Path), help="Put the keys of this file back first.")
@click.option("--replace", is_flag=True, help="Replace all that the database holds.")
@click.option("--without-secrets", is_flag=True, help="Restore although no key here opens its secrets.")
def put_back(source: Path, spool: Path | None, keys: Path | None, replace: bool, without_secrets: bool) -> None:
    """Restore a backup into the database and the spool of a Portside that is stopped."""
    settings = _settings()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = keyring.read(settings.home, keys)
    target = _private_store(settings.database_url)
    where = spool or _spool(settings)
    manifest = restore(source, target, where, None if without_secrets else held.ids, replace=replace)
    held.put(settings.home)
    target.close()
    click.echo(f"restored into {target.url.render_as_string(hide_password=True)} and {where}: {_counts(manifest)}")


@main.command("verify")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def verify_backup(source: Path) -> None:
    """Read a backup whole and report what it holds; needs no database and no key."""
    manifest = verify(source)
    made_at = utc(manifest.made_at)
    click.echo(f"{source} is whole, made at {made_at:%Y-%m-%d %H:%M:%S} UTC by Portside {manifest.version}")
    click.echo(_counts(manifest))
    for key, secrets in manifest.sealed.items():
        click.echo(f"{secrets} sealed secrets need key {key}")
    for table, rows in manifest.rows.items():
        if rows:
            click.echo(f"{rows:>12,} {table}")


def _private_store(url: str) -> Store:
    """A database to write into; a SQLite file that is not there is made for its owner alone."""
    store = Store(url)
    if store.is_sqlite and store.url.database:
        private_file(Path(store.url.database))
    return store


def _spool(settings: Settings) -> Path:
    return settings.home / "gateway" / "spool"


def _counts(manifest: BackupManifest) -> str:
    hooks = "no spool" if manifest.hooks is None else f"{counted(len(manifest.hooks), 'hook')} of the spool"
    return f"{counted(sum(manifest.rows.values()), 'row')} of {counted(len(manifest.rows), 'table')} and {hooks}"


@main.command("one-time-code")
@click.option("--user", default=FIRST_USER, show_default=True)
def one_time_code(user: str) -> None:
    """Print a code that signs this user in once within 15 minutes, at /sign-in?code=…"""
    store = _store(_settings())
    code = new_token()
    with store.write() as uow:
        make_one_time_code(uow, token_hash(code), user)
    click.echo(code)
    store.close()


@main.command()
@click.option("--user", required=True)
def password(user: str) -> None:
    """Set a user's password, read from standard input; their sessions end."""
    new = sys.stdin.readline().rstrip("\r\n")
    if not new:
        raise click.ClickException("No password on standard input; write it there as one line")
    environment = _settings()
    store = _store(environment)
    with store.read() as reading:
        least = Options(environment).in_force(reading).min_password_length
    demand_good_password(new, user, least=least)
    change = Act(kind=Kind.USERS, verb="password", name=user, hashes={"password": password_digest(new)})
    users = Users()
    with store.read() as reading:
        prepared = users.prepare(reading, SYSTEM, change)
    change = prepared()
    with store.write() as uow:
        users.act(uow, SYSTEM, change)
    click.echo(f"{user} has a new password")
    store.close()


@main.command("local-sign-in")
@click.argument("state", type=click.Choice(["on", "off"]))
def local_sign_in(state: str) -> None:
    """Switch sign-in by password on, in an emergency, or off."""
    environment = _settings()
    store = _store(environment)
    change = Act(kind=Kind.SETTINGS, verb="patch", body={"localSignIn": state == "on"})
    with store.write() as uow:
        InstallationSettings(Options(environment)).act(uow, SYSTEM, change)
    click.echo(f"sign-in by password is {state}")
    store.close()


@main.command("new-migration", hidden=True)
@click.argument("revision")
@click.argument("message")
def new_migration(revision: str, message: str) -> None:
    """For developers: write the step from the migrated database to the tables as they are."""
    write_step(Store(_settings().database_url), message, revision)


def run(command: Callable[..., object], arguments: Sequence[str]) -> int:
    """Run the command line; errors that have a sentence are printed as it."""
    try:
        command(list(arguments), standalone_mode=True)
    except (Refused, DatabaseUnavailable, KeysMissing, life.Fatal) as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(run(main, sys.argv[1:]))
