"""The RAM policies of the exporter, written from what it calls: `python -m deploy.ram`."""
