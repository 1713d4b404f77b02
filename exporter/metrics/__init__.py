"""The /metrics page.

page            blocks of rendered lines, joined at scrape
├── families        the metrics of accounts, and of every probe's history
├── self_metrics    what the exporter measures of itself
└── registry_page   the part of the page that a registry of the client library writes
"""
