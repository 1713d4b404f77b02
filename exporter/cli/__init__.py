"""The commands; the only place that prints and reads the process's environment.

serve, status, check_config, open_cdn, playing    one command each, the last one two; loaded when it is run
├── flags         flags that several have, and the configuration that one names
├── limits        how many threads and files serve and status may have
├── output        standard output, and the exit code when it could not be written
└── exit          exit codes, and the message before one
"""

from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from shutil import get_terminal_size

import click

from exporter import __version__
from exporter.core.memory import forbid_dumps, loading

__all__ = ["main"]

_WIDE = 78  # of a terminal of 80 columns
_NARROW = 50  # less is no width to click
_NARROWEST = 40  # has room for the longest variable, indented twice
_INDENT = 6
_WHOLE = 10_000
_HOMES = {
    "check-config": "check_config",
    "demo": "playing",
    "open-cdn": "open_cdn",
    "serve": "serve",
    "simulator": "playing",
    "status": "status",
}


class _Help(click.HelpFormatter):
    """On a narrow terminal a flag's text stands below it, so that names of variables have room to stay whole."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        super().__init__(indent_increment, width, max_width)
        if width is None and (columns := get_terminal_size().columns) < self.width:
            self.width = max(columns, _NARROWEST)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write flags or commands with their texts."""
        listed = list(rows)
        if self.width < _WIDE and listed[0][0].startswith("-"):
            col_max = _INDENT if self.width >= _NARROW else 0
        super().write_dl(listed, col_max, col_spacing)


class _Context(click.Context):
    formatter_class = _Help


class _Commands(click.Group):
    """Imports only the command that is run, so that the daemon starts sooner."""

    context_class = _Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 — click's
        """The names of all commands."""
        return sorted(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 — click's
        """The command of this name, imported; None when there is none."""
        if cmd_name not in _HOMES:
            return None
        with loading():
            module = import_module(f"{__name__}.{_HOMES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        command.context_class = _Context
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with the whole first sentence of each; click cuts it to the terminal's width."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(limit=_WHOLE)) for name, each in commands if each])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments after those of the group; a flag of a command says which commands have it."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            own, owners = self._own_flags(ctx), self._owners(ctx)
            flags = (*own, *owners)
            begun = (
                [each for each in flags if each.startswith(error.option_name)] if error.option_name != "--" else []
            )
            flag = next(iter(begun or get_close_matches(error.option_name, flags, n=1)), None)
            if flag is None:
                raise
            if flag in own:
                message = f"No such option {error.option_name!r}. Did you mean {flag!r}?"
            else:
                meant = "It" if flag == error.option_name else f"Did you mean {flag!r}? It"
                names = ", ".join(owners[flag])
                message = f"No such option {error.option_name!r} before a command. {meant} is a flag of: {names}."
        raise click.UsageError(message, ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; an unknown one suggests the nearest, else all."""
        name = args[0]
        if name in _HOMES or name.startswith("-"):
            return super().resolve_command(ctx, args)
        near = [f"--{name}"] if f"--{name}" in self._own_flags(ctx) else get_close_matches(name, _HOMES, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Commands are {', '.join(sorted(_HOMES))}."
        raise click.UsageError(f"No such command {name!r}. {hint}", ctx)

    def _own_flags(self, ctx: click.Context) -> list[str]:
        return [flag for parameter in self.get_params(ctx) for flag in parameter.opts if flag.startswith("--")]

    def _owners(self, ctx: click.Context) -> dict[str, list[str]]:
        """The commands that have each flag."""
        owners: dict[str, list[str]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            for flag in (flag for parameter in (command.params if command else ()) for flag in parameter.opts):
                if flag.startswith("--"):
                    owners.setdefault(flag, []).append(name)
        return owners


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dcdn-exporter")
def main() -> None:
    """Prometheus exporter for the service state of Alibaba Cloud DCDN, secure DCDN, CDN, IPA and ESA."""
    forbid_dumps()  # before a command reads its configuration, and with it keys
