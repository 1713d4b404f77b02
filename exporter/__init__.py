"""dcdn-exporter: the state of Alibaba Cloud DCDN, IPA and CDN services as Prometheus metrics.

A schedule (``schedule``) runs each probe when it is due; the poller (``poller``) calls the API (``aliyun``) within
its budget and parses the answer (``catalogue``, ``…_answer``) into an observation (``model``); the store
(``store``) keeps it, and a scrape (``web``) reads what the exposition (``exposition``) has rendered by then. Polls
and scrapes never meet. ``daemon`` builds and connects the parts; ``sharding`` says which accounts are its own;
``round`` polls everything once, for the command that looks and ends; ``cli`` starts them. What changes an account
(``activation``) is a command for operators and out of the daemon's reach.
"""

__version__ = "0.1.0"
PROJECT_URL = "https://dcdn-exporter.example"
