"""dcdn-exporter: the state of Alibaba Cloud DCDN, secure DCDN, CDN, IPA and ESA as Prometheus metrics.

cli          the commands: flags in, exit codes out; the only place that prints
app          the composition root: daemon, one-shot status, demo, systemd, signals
polling      when each probe is polled, and what one poll does
web          who may ask for a page over HTTP, and what is served
activation   the operator's command that activates CDN; the daemon cannot import it
metrics      the /metrics page           report     the rows that table, JSON and status page show
accounts     whom we watch               config     what the configuration file says
probes       what is asked of the API, and what the answers mean
api          how to talk to the vendor   core       store, logging, worker threads, and what polls learn
simulator    the vendor's API over HTTP, beside all of them; imports nothing of ours

Imports run from top to bottom. Polls write what they learned into the store, scrapes read it: they never meet.

What runs at the same time, and what keeps it apart:

1. polling.plan: a probe is in the heap of moments or with one worker, never both; that worker puts it back.
2. polling.jobs: APScheduler calls named jobs, which are short: they read the plan, and submit work to the pool.
3. core.pool: every call of the API runs in one pool, with a limit and a kept place for each kind of work.
4. A thread that the system refuses delays a poll, never a scrape: all other threads exist before the server listens.
5. web: one event loop; two threads draw pages, one checks passwords, one reloads, and reloads that come wait as one.
6. accounts.inventory: who is watched is one immutable value, which one thread replaces as a whole; all read that.
7. core.store: a record is a value, replaced under the lock, which covers the page's rendering and nothing else.
8. api: a call owns its connection, whose socket knows the call's deadline; a stop shuts all sockets that are open.
9. Under a lock there is no I/O, no log line and no call into another room, but for that of the store to the page.
10. core.logs: the caller formats a line, one thread writes it; lines that cannot be written are dropped and counted.
"""

__version__ = "0.1.0"
