"""The commands; the only place that prints and reads the process's environment.

serve, status, check_config, open_cdn, playing    one command each, the last one two; loaded when it is run
├── flags         flags that several have, and the configuration that one names
├── limits        how many threads and files serve and status may have
├── output        standard output, and the exit code when it could not be written
└── exit          exit codes, and the message before one
"""

from importlib import import_module

import click

from exporter import __version__

__all__ = ["main"]

_HOMES = {
    "check-config": "check_config",
    "demo": "playing",
    "open-cdn": "open_cdn",
    "serve": "serve",
    "simulator": "playing",
    "status": "status",
}


class _Commands(click.Group):
    """Imports only the command that is run, so that the daemon starts sooner."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 — click's
        """The names of all commands."""
        return sorted(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 — click's
        """The command of this name, imported; None when there is none."""
        if cmd_name not in _HOMES:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{_HOMES[cmd_name]}"), cmd_name.replace("-", "_"))
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dcdn-exporter")
def main() -> None:
    """Prometheus exporter for the service state of Alibaba Cloud DCDN, IPA and CDN."""
