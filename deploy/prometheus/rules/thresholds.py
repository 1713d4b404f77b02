"""Every number of the rules; ages that follow the exporter's configuration are read from its metrics instead."""

from typing import Final

MINUTE_S: Final = 60
HOUR_S: Final = 60 * MINUTE_S
DAY_S: Final = 24 * HOUR_S

JOB: Final = "dcdn-exporter"
"""What the scrape configuration calls the exporter."""
ROUTED_BY: Final = ("site", "team")
"""Labels of dcdn_account_info that alerts carry; further ones of your accounts' `labels` go here."""

# What is shipped beside the rules; a test holds the examples to them.
SCRAPE_INTERVAL_S: Final = 15
GROUP_WAIT_S: Final = 10
INFO_GROUP_WAIT_S: Final = 60

# Every minute counts for a lock; all else would cost four times as much.
LOCK_INTERVAL_S: Final = 15
INTERVAL_S: Final = MINUTE_S
# Counters of polls, over a quarter of an hour: each minute would cost a sixth more of all rules' CPU. It is less than
# the 5 minutes for which Prometheus looks back at what was recorded; after a missed evaluation, dashboards lack it.
SHARE_INTERVAL_S: Final = 4 * MINUTE_S

# How the exporter polls unless it is configured otherwise; a test holds them to its defaults.
POLL_INTERVAL_S: Final = 60
POLL_TIMEOUT_S: Final = 10
BALANCE_INTERVAL_S: Final = 5 * MINUTE_S
INVENTORY_INTERVAL_S: Final = 10 * MINUTE_S
STALE_AFTER_S: Final = 10 * MINUTE_S

# An exporter that runs for so long knows what it has to watch.
SETTLED_S: Final = 10 * MINUTE_S
# A restart of the exporter, its move to another node included, takes less.
RESTART_S: Final = 15 * MINUTE_S
RESTARTS: Final = 3
RESTARTS_S: Final = 15 * MINUTE_S
# How long Prometheus itself may be away and still know what it alerted for.
MEMORY_S: Final = HOUR_S
# How long a change is news.
NEWS_S: Final = HOUR_S

# The configuration of a suspended service is deleted after 30 days: eleven are left to save it.
LOCKED_TOO_LONG_S: Final = 19 * DAY_S
CHANGE_SOON_S: Final = 3 * DAY_S
# Bills come hourly, some hours late, so that the pace needs a quarter of a day.
BALANCE_PACE_S: Final = 6 * HOUR_S
BALANCE_LEFT_S: Final = DAY_S

# What ends by its contract can be renewed within a week.
ENDING_S: Final = 7 * DAY_S
# How long what has stopped is a page. Read of moments at which something stopped alone: they are few.
STOPPED_S: Final = DAY_S
# An account with fewer domains misses each of them; of a larger one some come and go.
FEW_DOMAINS: Final = 20
OFFLINE_LEAST: Final = 5
OFFLINE_SHARE: Final = 0.1
# On its way from online to offline, a domain may be stopping or configuring at two polls in between.
GOING_OFFLINE_S: Final = 30 * MINUTE_S
# After a lock the domains are polled within ten minutes.
UNLOCKED_S: Final = 15 * MINUTE_S
PACKAGE_SHARE: Final = 0.1

# A probe that keeps failing is polled every five minutes at least: three polls.
FAILURES_S: Final = 15 * MINUTE_S
# Of probes that are polled less often than this, the next poll has to fail, too.
FAILING_S: Final = 5 * MINUTE_S
# Dashboards show what a counter did in so long: five polls of most probes.
POLLS_S: Final = 5 * MINUTE_S
# More than half of the accounts of a product and site, and as many as make single messages a flood.
FLEET_SHARE: Final = 0.5
FLEET_LEAST: Final = 5
# Of half an hour; an outage alone changes twice, when it begins and when it ends.
UNSTEADY_S: Final = 30 * MINUTE_S
UNSTEADY_SHARE: Final = 0.5
UNSTEADY_CHANGES: Final = 4
THROTTLED_SHARE: Final = 0.05
SKIPPED_SHARE: Final = 0.1
BUDGET_SHARE: Final = 0.8
BUDGET_S: Final = 10 * MINUTE_S
UNKNOWN_VALUES_S: Final = HOUR_S
# The API refuses calls beyond 900 s.
CLOCK_SKEW_S: Final = 60
# Temporary credentials are replaced when a quarter of their life, 225 s of 15 minutes, or more is left.
CREDENTIAL_LEFT_S: Final = 3 * MINUTE_S
# Directories are read every ten minutes unless refresh_interval says otherwise: six times missed.
DISCOVERY_STALE_S: Final = HOUR_S
# Shards read a directory at moments of their own: until the last one has, a new member may be polled by none.
ACCOUNT_MISSING_S: Final = 15 * MINUTE_S
