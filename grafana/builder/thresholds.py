"""The numbers that only the dashboards have; all others are the alerting rules' own: colours agree with alerts."""

from typing import Final

from deploy.prometheus.rules.thresholds import DAY_S

# Further ahead than the alert looks: a week is what people plan by.
CHANGE_AHEAD_S: Final = 7 * DAY_S
# The API refuses calls whose time is off by more.
CLOCK_SKEW_REFUSED_S: Final = 900
# More than these many lines or bars in a panel are not read any more.
SHOWN: Final = 20
# A table of more rows is not read, and takes the browser seconds. Its queries name the accounts: those of 200 rows
# took 0.9 s of Prometheus' CPU among 10,000 accounts (2.42), those of 100 take half.
ROWS: Final = 100
CHANGES: Final = 100
# Of each of them there may be ten rows.
BESIDE: Final = 25
