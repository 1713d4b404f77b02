"""What several commands read: flags, in the form of Prometheus' own programs, a file that one names, proxies."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from exporter.api.proxy import check_proxies
from exporter.app import VOCABULARY
from exporter.cli.exit import EXIT_BAD_CONFIGURATION, fail
from exporter.config import Configuration, ConfigurationError, load, without_file
from exporter.core import logs
from exporter.web.server import parse_listen_address

_ENVIRONMENT_PREFIX = "DCDN_EXPORTER_"


def flag(name: str, **attributes: Any) -> Callable[[Any], Any]:
    """A flag as Prometheus' own programs write it, and its environment variable."""
    variable = _ENVIRONMENT_PREFIX + name.upper().replace(".", "_").replace("-", "_")
    parameter = name.replace(".", "_").replace("-", "_")
    return click.option(f"--{name}", parameter, envvar=variable, show_envvar=True, show_default=True, **attributes)


def checked(check: Callable[[Any], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that returns what ``check`` returns, and makes its ValueError an error of usage."""

    def callback(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        try:
            return check(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return callback


def listen_address(text: str) -> str:
    """The address as it is; ValueError when it is none."""
    parse_listen_address(text)
    return text


config_file_flag = flag(
    "config.file",
    type=click.Path(path_type=Path),
    default=None,
    help=(
        "The configuration file. Without it: one account named 'default', product dcdn_ipa, the vendor's default "
        "credential chain."
    ),
)

web_config_file_flag = flag(
    "web.config.file",
    type=click.Path(path_type=Path),
    default=None,
    help="TLS, passwords and headers, in the format of Prometheus' exporter-toolkit. Without it: plain HTTP.",
)


def log_flags(default_level: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The flags of the log, for a command that logs from this level on by default."""
    level = flag(
        "log.level",
        type=click.Choice(list(logs.LEVELS)),
        default=default_level,
        help="The lowest level to log.",
    )
    log_format = flag("log.format", type=click.Choice(logs.FORMATS), default="logfmt", help="The format of a line.")
    return lambda command: level(log_format(command))


def configuration_of(file: Path | None) -> Configuration:
    """The configuration in the file, or the default without one; ends the command when it is bad."""
    try:
        return load_configuration(file)
    except ConfigurationError as error:
        fail(str(error), EXIT_BAD_CONFIGURATION)


def load_configuration(file: Path | None) -> Configuration:
    """The configuration in the file, or the default without one; raises ConfigurationError."""
    if file is None:
        return without_file(vocabulary=VOCABULARY)
    return load(file, vocabulary=VOCABULARY)


def api_environment() -> Mapping[str, str]:
    """The environment, for commands that call the API; ends the command when a proxy in it cannot be used."""
    try:
        check_proxies(os.environ)
    except ValueError as error:
        fail(str(error), EXIT_BAD_CONFIGURATION)
    return os.environ
