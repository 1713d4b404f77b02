"""Files with secrets that other users of the machine can read, change or replace, by permissions of file and folders.

A Kubernetes pod is left alone: it has no other users, and mounts Secrets with mode 0644. So are the secrets that
podman and docker swarm hand to a container: copies for it alone, by default with mode 0444 below /run/secrets. Other
files of a container may be mounted from its machine, where they have the same mode.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from exporter.api.credentials.sdk import files_of_the_chain, profile_file
from exporter.config.credentials import (
    AccessKeyCredentials,
    Credentials,
    DefaultCredentials,
    OidcCredentials,
    ProfileCredentials,
    RamRoleCredentials,
    UriCredentials,
)
from exporter.config.models import Configuration
from exporter.config.summary import MAX_NAMED
from exporter.config.web import WebConfiguration

# https://docs.podman.io/en/latest/markdown/podman-run.1.html (--secret), https://docs.docker.com/engine/swarm/secrets/;
# the two files tell of a container of either. A file of docker compose's `secrets` has the mode of its machine.
_CONTAINER_MARKS = ("run/.containerenv", ".dockerenv")
_ENGINE_SECRETS = "run/secrets"
_ENGINE_MODE = 0o444
_VERBS = {"read": stat.S_IROTH, "change": stat.S_IWOTH}
_POD_VARIABLE = "KUBERNETES_SERVICE_HOST"
_HINT = "chown it to the exporter's user and chmod it to 0400"
_INLINE_HINT = f"keep keys in files of their own (access_key_secret_file), or {_HINT}"


def exposure_warnings(
    configuration: Configuration | None,
    file: Path | None,
    *,
    web: WebConfiguration | None,
    environ: Mapping[str, str],
    root: Path = Path("/"),
) -> list[str]:
    """A sentence for each file with a secret that others can read or change, and each folder to replace one in.

    Twenty at most, and how many more. ``file`` is the one that the configuration comes from, ``root`` the folder
    of all files of the machine or container. Files that are gone by now are left out.
    """
    if _POD_VARIABLE in environ:
        return []
    holders: dict[Path, tuple[str, str]] = {}
    for credentials in _credentials_in(configuration) if configuration is not None else ():
        if file is not None and (inline := _inline_secret(credentials)):
            holders[file] = inline
        holders.update((path, ("a secret", _HINT)) for path in _secret_files(credentials) if path is not None)
    if web is not None and web.tls_server_config is not None:
        holders[web.tls_server_config.key_file] = "the key of the certificate", _HINT
    if any((root / mark).exists() for mark in _CONTAINER_MARKS):
        holders = {path: what for path, what in holders.items() if not _is_of_the_engine(path, root)}
    found = [*_warnings(holders), *_folder_warnings(holders)]
    return [*found[:MAX_NAMED], *([f"and {len(found) - MAX_NAMED} more"] if len(found) > MAX_NAMED else [])]


def exposed_mode(path: Path) -> int | None:
    """The permission bits of a file that others can read or change; None when they cannot, or there is no such file.

    A user who may not search a folder on the way to the file, links resolved, cannot reach it.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if not any(mode & bit for bit in _VERBS.values()):
            return None
        folders = Path(os.path.realpath(path)).parents
        reached = all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
    except OSError:
        return None
    return mode if reached else None


def open_folders(path: Path) -> dict[Path, int]:
    """The folders on the way to a file where others can replace what is there, with their permission bits.

    Its name and what its links lead to are both looked at; when there is no such file, there are none. Others cannot
    where they may not search a folder above, nor where the sticky bit keeps what is there for its owner.
    """
    found = {}
    try:
        path.stat()
        for way in (Path(os.path.abspath(path)), Path(os.path.realpath(path))):  # noqa: PTH100 — links stay as they are
            for folder in reversed(way.parents):
                mode = stat.S_IMODE(folder.stat().st_mode)
                if not mode & stat.S_IXOTH:
                    break
                if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                    found[folder] = mode
    except OSError:
        return {}
    return found


def _is_of_the_engine(path: Path, root: Path) -> bool:
    below = Path(os.path.realpath(path)).is_relative_to(root / _ENGINE_SECRETS)
    return below and exposed_mode(path) == _ENGINE_MODE


def _warnings(holders: Mapping[Path, tuple[str, str]]) -> Iterator[str]:
    for path, (content, hint) in sorted(holders.items()):
        mode = exposed_mode(path)
        if mode is not None:
            verbs = " and ".join(verb for verb, bit in _VERBS.items() if mode & bit)
            yield f"other users can {verbs} {path} (mode {mode:04o}), which holds {content}; {hint}"


def _folder_warnings(holders: Mapping[Path, tuple[str, str]]) -> Iterator[str]:
    found: dict[Path, tuple[int, Path]] = {}
    for path in sorted(holders):
        for folder, mode in open_folders(path).items():
            found.setdefault(folder, (mode, path))
    for folder, (mode, path) in sorted(found.items()):
        yield (
            f"other users can replace what is in {folder} (mode {mode:04o}), where {path} holds {holders[path][0]}; "
            f"chmod o-w {folder}"
        )


def _credentials_in(configuration: Configuration) -> Iterator[Credentials]:
    directories = configuration.discovery.resource_directories
    for credentials in (each.credentials for group in (configuration.accounts, directories) for each in group):
        yield credentials
        if isinstance(credentials, RamRoleCredentials):
            yield credentials.source


def _inline_secret(credentials: Credentials) -> tuple[str, str] | None:
    """What of these credentials stands in the configuration itself and is secret, and what to do about it."""
    match credentials:
        case AccessKeyCredentials() if credentials.access_key_secret or credentials.security_token:
            return "keys", _INLINE_HINT
        case UriCredentials() if "?" in credentials.uri.get_secret_value():
            return "a credentials URI with a token", _HINT
    return None


def _secret_files(credentials: Credentials) -> Iterable[Path | None]:
    match credentials:
        case DefaultCredentials():
            files: Sequence[Path | None] = files_of_the_chain()
        case AccessKeyCredentials():
            files = [credentials.access_key_secret_file, credentials.security_token_file]
        case OidcCredentials():
            files = [credentials.oidc_token_file]
        case ProfileCredentials():
            files = [credentials.file or profile_file()]
        case _:
            files = []
    return files
