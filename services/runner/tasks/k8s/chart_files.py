"""The files of a chart before helm reads them: archives expanded within bounds, `lookup` made to fail where it runs."""

from __future__ import annotations

import gzip
import posixpath
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from services.runner.task_protocol import TaskFailed

MAX_ARCHIVE_BYTES = 32 * 1024 * 1024
MAX_EXPANDED_BYTES = 128 * 1024 * 1024
MAX_FILES = 10_000
_MAX_NESTED = 5
_MAX_TEMPLATE_BYTES = 2 * 1024 * 1024


def expand(archive: Path, into: Path) -> None:
    """The files of a chart's `.tgz` below `into`. Links are left out, as Helm does. Raises TaskFailed."""
    if archive.stat().st_size > MAX_ARCHIVE_BYTES:
        raise TaskFailed(f"The chart {archive.name} is larger than {MAX_ARCHIVE_BYTES // 2**20} MiB.")
    files = size = 0
    try:
        # tarfile's own reading of gzip stumbles over the extra field that helm writes into its header.
        with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as members:
            for member in members:
                files, size = files + 1, size + member.size
                if files > MAX_FILES or size > MAX_EXPANDED_BYTES:
                    raise TaskFailed(
                        f"The chart {archive.name} expands to more than {MAX_FILES:,} files or "
                        f"{MAX_EXPANDED_BYTES // 2**20} MiB."
                    )
                content = members.extractfile(member) if member.isfile() else None
                if content is None:
                    continue
                place = into / _inside(member.name, archive.name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content.read())
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        raise TaskFailed(f"The chart {archive.name} is not an archive that can be read: {error}.") from None


def _inside(name: str, archive: str) -> str:
    path = posixpath.normpath(name.replace("\\", "/"))
    if "\0" in name or posixpath.isabs(path) or path.split("/", 1)[0] == "..":
        raise TaskFailed(f"The chart {archive} has a file outside its folder, {name[:200]!r}, so it is refused.")
    return path


def prepare(chart: Path, complete: Callable[[Path], None], depth: int = 0) -> None:
    """Complete a chart's dependencies and expand their archives, at every level, and make each `lookup` fail."""
    if depth > _MAX_NESTED:
        raise TaskFailed(f"The chart {chart.name} nests dependencies more than {_MAX_NESTED} deep.")
    for file in sorted((chart / "templates").rglob("*")):
        _guard(file)
    complete(chart)
    charts = chart / "charts"
    for archive in sorted(charts.glob("*.tgz")) if charts.is_dir() else ():
        expand(archive, charts)
        archive.unlink()
    for folder in sorted(charts.iterdir()) if charts.is_dir() else ():
        if folder.is_dir() and (folder / "Chart.yaml").is_file():
            prepare(folder, complete, depth + 1)


def _guard(file: Path) -> None:
    if not file.is_file() or file.is_symlink():
        return
    data = file.read_bytes()
    if b"lookup" in data:
        if len(data) > _MAX_TEMPLATE_BYTES:
            raise TaskFailed(f"The template {file.name} is larger than {_MAX_TEMPLATE_BYTES // 2**20} MiB.")
        # Surrogates keep bytes that are not UTF-8 as they are.
        text = data.decode("utf-8", "surrogateescape")
        file.write_bytes(without_lookup(text).encode("utf-8", "surrogateescape"))


_QUOTED = r'"(?:\\(?:.|\Z)|[^"\\])*+(?:"|\Z)|`[^`]*+(?:`|\Z)|' r"'(?:\\(?:.|\Z)|[^'\\])*+(?:'|\Z)|/\*.*?(?:\*/|\Z)"
_ACTION = re.compile(rf"\{{\{{(?>{_QUOTED}|[^\"`'/}}]|/(?!\*)|\}}(?!\}}))*+(?:\}}\}}|\Z)", re.DOTALL)
"""`{{ … }}` as text/template cuts it: braces in texts and comments do not end it. What is not closed lasts to the end
of the file, as helm complains of it too: it is not looked for again from each place in it."""
_WORD = re.compile(rf"{_QUOTED}|(?<![.$\w])lookup(?!\w)", re.DOTALL)


def without_lookup(template: str) -> str:
    """The template with `index` for each call of `lookup`.

    Of a text such as "v1" nothing can be indexed by another text: so a call ends the rendering with its template and
    line, while one that is not reached does no harm. Rendered without a cluster, `lookup` itself would answer nothing,
    and the chart would silently come out as for an empty cluster.
    """
    return _ACTION.sub(_without_lookup, template)


def _without_lookup(action: re.Match[str]) -> str:
    return _WORD.sub(_renamed, action[0]) if action[0].endswith("}}") else action[0]


MARK = "portside_lookup"
"""No function of helm's: a text that calls it fails where a template hands the text to `tpl`."""
_WORD_ALONE = r"(?<![.$\w])lookup(?!\w)"
_MAY_CALL = re.compile(r"\{\{[^{}]*" + _WORD_ALONE)


def texts(chart: Path) -> list[Path]:
    """The files of a chart, and of those in it, that are not templates."""
    files = (file for file in sorted(chart.rglob("*")) if "templates" not in file.relative_to(chart).parts)
    return [file for file in files if file.is_file() and not file.is_symlink()]


def mark(files: Iterable[Path]) -> dict[Path, bytes]:
    """Write `MARK` for `lookup` into texts that may call it; returns those files' contents as they were."""
    before = {}
    for file in files:
        data = file.read_bytes() if file.stat().st_size <= _MAX_TEMPLATE_BYTES else b""
        text = data.decode("utf-8", "surrogateescape")
        if _MAY_CALL.search(text):
            before[file] = data
            file.write_bytes(re.sub(_WORD_ALONE, MARK, text).encode("utf-8", "surrogateescape"))
    return before


def _renamed(word: re.Match[str]) -> str:
    return "index" if word[0] == "lookup" else word[0]
