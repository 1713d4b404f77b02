"""The /metrics page.

page            blocks of rendered lines, joined at scrape
├── families        the metrics about accounts and probes
├── visible_state   what the page shows of an answer, and until when
├── self_metrics    what the exporter measures of itself
└── registry_page   the part of the page that a registry of the client library writes
"""
