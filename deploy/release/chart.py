"""The chart as one file for a registry, with the same bytes each time."""

import gzip
import io
import tarfile
from pathlib import Path

from deploy.release.version import in_chart


def package(chart: Path, *, version: str, home: str, changed_at: int) -> bytes:
    """The chart's folder as a compressed archive, of this version, that helm installs.

    ``home`` is where the project is published; empty: nowhere. ``changed_at`` is the Unix time that every file has
    in it; owners, rights and order are always the same, too.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        # helm looks for this one first.
        files = filter(Path.is_file, chart.rglob("*"))
        for file in sorted(files, key=lambda file: (file.name != "Chart.yaml", file)):
            content = file.read_bytes()
            if file == chart / "Chart.yaml":
                content = (in_chart(content.decode(), version) + (f"home: {home}\n" if home else "")).encode()
            entry = tarfile.TarInfo(f"{chart.name}/{file.relative_to(chart).as_posix()}")
            entry.size, entry.mtime, entry.mode = len(content), changed_at, 0o644
            tar.addfile(entry, io.BytesIO(content))
    compressed = io.BytesIO()
    # gzip.compress writes another head with each version of Python.
    with gzip.GzipFile(fileobj=compressed, mode="wb", filename="", mtime=changed_at) as stream:
        stream.write(archive.getvalue())
    return compressed.getvalue()
