"""The command ``check-config``."""

import os
from pathlib import Path

import click

from exporter.app import VOCABULARY
from exporter.cli.exit import EXIT_BAD_CONFIGURATION, fail
from exporter.cli.flags import configuration_of, web_config_file_flag
from exporter.config import ConfigurationError, exposure_warnings, summary, unused_keys, web_summary
from exporter.web.web_configuration import check_web_configuration


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path), required=False)
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
