"""dcdn-exporter: the state of Alibaba Cloud DCDN, IPA and CDN services as Prometheus metrics.

cli          the commands: flags in, exit codes out; the only place that prints
app          the composition root: daemon, one-shot status, demo, systemd, signals
polling      when each probe is polled, and what one poll does
web          who may ask for a page over HTTP, and what is served
activation   the operator's command that activates CDN; the daemon cannot import it
metrics      the /metrics page           report     the rows that table, JSON and status page show
accounts     whom we watch               config     what the configuration file says
probes       what is asked of the API, and what the answers mean
api          how to talk to the vendor   core       store, logging, and what polls learn
simulator    the vendor's API over HTTP, beside all of them; imports nothing of ours

Imports run from top to bottom. Polls write what they learned into the store, scrapes read it: they never meet.
"""

__version__ = "0.1.0"
PROJECT_URL = "https://dcdn-exporter.example"
