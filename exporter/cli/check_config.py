"""The command ``check-config``."""

import os
from difflib import get_close_matches
from pathlib import Path

import click

from exporter.app import VOCABULARY
from exporter.cli.exit import EXIT_BAD_CONFIGURATION, fail
from exporter.cli.flags import FILE, configuration_of, web_config_file_flag
from exporter.config import ConfigurationError, exposure_warnings, summary, unused_keys, web_summary
from exporter.web.web_configuration import check_web_configuration


class _CheckConfig(click.Command):
    """Its FILE has no flag, as in Prometheus' own programs; click would suggest that of the other file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments that are left; the flag of other commands is refused with a hint."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if get_close_matches(error.option_name, ("--config.file", "--web.config.file"), n=1) != ["--config.file"]:
                raise
            message = f"No such option {error.option_name!r}. Give the file without a flag: check-config FILE."
        raise click.UsageError(message, ctx)


@click.command("check-config", cls=_CheckConfig)
@click.argument("file", type=FILE, required=False)
@web_config_file_flag
def check_config(file: Path | None, web_config_file: Path | None) -> None:
    """Check a configuration FILE: print its problems or a summary.

    Each problem has its line and its path in the file.
    """
    if file is None and web_config_file is None:
        raise click.UsageError("nothing to check: give a FILE, --web.config.file or both")
    configuration = web = None
    warnings: list[str] = []
    if file is not None:
        configuration = configuration_of(file)
        click.echo(summary(configuration, VOCABULARY))
        warnings += [f"{file}: {unused}" for unused in unused_keys(configuration, VOCABULARY)]
    if web_config_file is not None:
        try:
            web = check_web_configuration(web_config_file)
        except ConfigurationError as error:
            fail(str(error), EXIT_BAD_CONFIGURATION)
        click.echo(web_summary(web))
    for warning in (*warnings, *exposure_warnings(configuration, file, web=web, environ=os.environ)):
        click.echo(f"warning: {warning}", err=True)
