"""The /metrics page.

page            blocks of rendered lines, joined at scrape
├── families        the metrics of accounts, and of every probe's polls
├── lines           labels and numbers as they are written, and the lines of accounts
├── self_metrics    what the exporter measures of itself
└── registry_page   those metrics, as the client library writes them, at less cost
"""
