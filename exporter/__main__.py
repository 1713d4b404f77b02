"""``python -m exporter`` is the command ``dcdn-exporter``."""

from exporter.cli import main

main()
