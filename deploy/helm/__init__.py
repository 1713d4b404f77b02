"""The files of the chart that are written from others: its table of values, and the schema of its configuration."""
