"""The configuration that a command is given."""

from pathlib import Path

from exporter.app.vocabulary import VOCABULARY
from exporter.cli.exit import EXIT_BAD_CONFIGURATION, fail
from exporter.config import Configuration, ConfigurationError, load, without_file


def configuration_of(file: Path | None) -> Configuration:
    """What the file says now; ends the command where that cannot be."""
    try:
        return load_configuration(file)
    except ConfigurationError as error:
        fail(str(error), EXIT_BAD_CONFIGURATION)


def load_configuration(file: Path | None) -> Configuration:
    """What the file says now, or the default without one; raises ConfigurationError."""
    if file is None:
        return without_file(vocabulary=VOCABULARY)
    return load(file, vocabulary=VOCABULARY)
