"""The start of the command: ``dcdn-exporter`` and ``python -m exporter`` are the same."""

import sys

_INTERRUPTED = 130  # what shells make of a process that Ctrl-C ended


def run() -> None:
    """Run the command; Ctrl-C while its parts are still being loaded ends it without a traceback."""
    try:
        from exporter.cli import main  # noqa: PLC0415 — loading takes half a second

        main()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    run()
