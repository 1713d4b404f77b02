"""The commands; the only place that prints and reads the process's environment.

serve, status, check_config, open_cdn, playing    a command each, the last one two
├── flags            what several of them can be told
├── configuration    the file that they are given
├── file_limit       how many files they may open
└── ending           how they end that cannot go on
"""

import click

from exporter import __version__
from exporter.cli.check_config import check_config
from exporter.cli.open_cdn import open_cdn
from exporter.cli.playing import demo, simulator
from exporter.cli.serve import serve
from exporter.cli.status import status

__all__ = ["main"]


@click.group(
    commands=[serve, status, check_config, open_cdn, simulator, demo],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="dcdn-exporter")
def main() -> None:
    """Prometheus exporter for the service state of Alibaba Cloud DCDN, IPA and CDN."""
