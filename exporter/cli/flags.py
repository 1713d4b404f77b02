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


class _File(click.Path):
    """The path of a file; the empty one, as of a variable that is not set, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if value == "":
            self.fail("seen an empty text; accepted: the path of a file", param, ctx)
        return super().convert(value, param, ctx)


FILE = _File(path_type=Path)


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


class ReadsFile(click.Command):
    """A command with the flag --config.file, which says so when the file is given without it."""

    allow_extra_args = True  # they are refused below

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Nothing is left of the arguments."""
        if left := super().parse_args(ctx, args):
            message = f"unexpected argument {left[0]!r}; use --config.file for a configuration file"
            raise click.UsageError(message, ctx)
        return left


config_file_flag = flag(
    "config.file",
    type=FILE,
    default=None,
    help=(
        "The configuration file. Without it: one account named 'default', product dcdn_ipa, the vendor's default "
        "credential chain."
    ),
)

web_config_file_flag = flag(
    "web.config.file",
    type=FILE,
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
