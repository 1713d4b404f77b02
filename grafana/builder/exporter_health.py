"""Whether the exporter itself can be believed."""

from grafana_foundation_sdk.builders import common, dashboard, heatmap, stat, timeseries
from grafana_foundation_sdk.models import common as options

from deploy.prometheus.rules.expressions import (
    BUDGET,
    MEDIAN_AGE,
    OLDEST,
    POLLS,
    SKIPPED,
    STEADY_TARGETS,
    THROTTLED,
    within,
)
from deploy.prometheus.rules.expressions import SHOWN as SHOWN_RECORD
from deploy.prometheus.rules.thresholds import (
    BUDGET_SHARE,
    CLOCK_SKEW_S,
    CREDENTIAL_LEFT_S,
    DISCOVERY_STALE_S,
    POLLS_S,
    SKIPPED_SHARE,
    THROTTLED_SHARE,
)
from grafana.builder.addresses import EXPORTER_UID
from grafana.builder.frame import Row, framed
from grafana.builder.mappings import CRITICAL, FINE, UNCOLOURED, WARNING
from grafana.builder.panels import NO_DATA, RECORDED, alert_links, heat, lines, query, stat_panel
from grafana.builder.queries import EXPIRING, soonest_expiring
from grafana.builder.selectors import best, of_account, of_exporter, of_product, of_target, recorded
from grafana.builder.thresholds import CLOCK_SKEW_REFUSED_S, SHOWN
from grafana.builder.variables import chosen, datasource, instance, job, products


def exporter_health() -> dashboard.Dashboard:
    """How well polls go, what they cost, and how the process is."""
    return framed(
        "Whether the exporter is to be believed: its polls, its budget of calls, its credentials, clock and process.",
        EXPORTER_UID,
        variables=(
            datasource(),
            job(),
            instance(),
            products(),
            chosen(EXPIRING, soonest_expiring()),
        ),
        rows=(
            Row("Now", (_up(), _accounts(), _missing(), _probes(), _configuration(), _shards())),
            Row("Polls", (_polls(), _failures(), _shares(), _ages())),
            Row("Calls", (_calls(), _budget(), _wait(), _durations()), collapsed=True),
            Row(
                "Credentials, clock and discovery",
                (_credentials(), _skew(), _discovery(), _unknown()),
                collapsed=True,
            ),
            Row("Process", (_memory(), _cpu(), _samples(), _scrape()), collapsed=True),
        ),
    )


def _up() -> stat.Panel:
    # Rules know the job of an exporter that has shown nothing of itself within the range.
    up = f"({of_target('up', by='job')} or {of_exporter('up')} and on (job) {recorded(STEADY_TARGETS)})"
    return stat_panel(
        "Not scraped",
        "Chosen exporters, replicas and shards, that Prometheus cannot scrape.",
        f"sum({best('job, instance', up)} == bool 0)",
        steps=((None, FINE), (1, CRITICAL)),
    ).links(alert_links("DcdnExporterDown", "DcdnReplicaFailing", "DcdnExporterAbsent", "DcdnExporterRestarting"))


def _accounts() -> stat.Panel:
    return stat_panel(
        "Accounts",
        "Accounts in the configuration and from discovery, before sharding.",
        _over_jobs("dcdn_exporter_configured_accounts"),
        steps=((None, UNCOLOURED),),
    )


def _missing() -> stat.Panel:
    # Rules know what is polled by the job that they name: without them, and of other jobs, nothing is missing.
    of_job = f"max by (job) ({of_exporter('dcdn_exporter_configured_accounts')})"
    configured = f"sum({of_job} and on (job) {recorded(STEADY_TARGETS)})"
    polled = f'count(count by (job, account) ({SHOWN_RECORD}{{job=~"$job"}}))'
    return stat_panel(
        "Accounts not polled",
        "Accounts of which no exporter has a probe: a shard is missing. Known of the job that the rules name.",
        f"{configured} - ({polled} or 0 * {configured})",
        steps=((None, FINE), (1, CRITICAL)),
    ).links(alert_links("DcdnAccountMissing", "DcdnAccountsUnwatched"))


def _probes() -> stat.Panel:
    return stat_panel(
        "Probes",
        "Probes that the chosen exporters poll; one that two replicas poll counts twice.",
        f"sum({of_exporter('dcdn_exporter_probes')})",
        steps=((None, UNCOLOURED),),
    )


def _configuration() -> stat.Panel:
    return stat_panel(
        "Reload succeeded",
        "No: the last reload was refused, the configuration before it is in use, and a restart would fail.",
        f"min({of_exporter('dcdn_exporter_config_last_reload_successful')})",
        steps=((None, WARNING), (1, FINE)),
        named=((0, "no", WARNING), (1, "yes", FINE)),
    ).links(alert_links("DcdnConfigReloadFailed"))


def _shards() -> stat.Panel:
    ordinals = of_exporter("dcdn_exporter_shard_ordinal")
    there = f'count(count by (job, shard) (count_values by (job) ("shard", {ordinals})))'
    return stat_panel(
        "Shards missing",
        "Shards of which no replica is scraped, or chosen above.",
        f"{_over_jobs('dcdn_exporter_total_shards')} - {there}",
        steps=((None, FINE), (1, CRITICAL)),
    ).links(alert_links("DcdnShardMissing"))


def _over_jobs(metric: str) -> str:
    """What all replicas of a job say alike, added up over jobs: each has accounts and shards of its own."""
    return f"sum(max by (job) ({of_exporter(metric)}))"


def _polls() -> timeseries.Panel:
    return lines(
        "Polls",
        "Polls that ended, failed ones included, per second, over 5 minutes.",
        (query(f"sum by (product, probe) ({recorded(POLLS)})", "{{product}} {{probe}}"),),
        unit="ops",
        interval=RECORDED,
        many=True,
    )


def _failures() -> timeseries.Panel:
    failed = of_product("dcdn_exporter_poll_failures_total")
    return (
        lines(
            "Failed polls by reason",
            "Polls that ended without knowing the state, per second, over 5 minutes.",
            (query(f"sum by (reason) (rate({failed}{within(POLLS_S)})) > 0", "{{reason}}"),),
            unit="ops",
            empty=f"no failed poll is known, or {NO_DATA}",
            interval=RECORDED,
        )
        .fill_opacity(40)
        .stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
        .links(alert_links("DcdnFleetFailing", "DcdnPollFailing", "DcdnAuthFailing", "DcdnPermissionMissing"))
    )


def _shares() -> timeseries.Panel:
    return lines(
        "Worst share of polls throttled or skipped",
        f"Of the probe that is worst off, over 15 minutes: polls that met the vendor's limit (alert above "
        f"{THROTTLED_SHARE:.0%}), and runs that were due while the last one was not over (alert above "
        f"{SKIPPED_SHARE:.0%}).",
        (
            query(f"max({recorded(THROTTLED)})", "throttled"),
            query(f"max({recorded(SKIPPED)})", "skipped", "B"),
        ),
        unit="percentunit",
        steps=((None, FINE), (THROTTLED_SHARE, WARNING)),
        reaches=SKIPPED_SHARE,
        interval=RECORDED,
    ).links(alert_links("DcdnThrottled", "DcdnPollsSkipped", "DcdnPollsUnsteady"))


def _ages() -> timeseries.Panel:
    return lines(
        "Age of the data, of its limit",
        "How old the last answers are, as a share of the age past which they are not shown any more: of the oldest, "
        "and of one in the middle.",
        (
            query(f"max({recorded(OLDEST)})", "oldest"),
            query(f"max by (product, probe) ({recorded(MEDIAN_AGE)})", "median of {{product}} {{probe}}", "B"),
        ),
        unit="percentunit",
        steps=((None, FINE), (1, CRITICAL)),
        reaches=1,
        interval=RECORDED,
        many=True,
    ).links(alert_links("DcdnDataStale"))


def _calls() -> timeseries.Panel:
    count = of_exporter("dcdn_exporter_api_request_duration_seconds_count")
    return lines(
        "Calls of the API",
        "Calls per second that ended, by operation, of all accounts together.",
        (query(f"sum by (operation) (rate({count}[$__rate_interval])) > 0", "{{operation}}"),),
        unit="reqps",
        many=True,
    )


def _budget() -> timeseries.Panel:
    return lines(
        "Budget used by the busiest account",
        "Calls per second of an operation as a share of the pace that is kept for each account, over 10 minutes. "
        "Near 100 % polls wait for their turn.",
        (query(f"max by (operation) ({recorded(BUDGET)})", "{{operation}}"),),
        unit="percentunit",
        steps=((None, FINE), (BUDGET_SHARE, WARNING)),
        reaches=1,
        interval=RECORDED,
        many=True,
    ).links(alert_links("DcdnBudgetNearLimit"))


def _wait() -> timeseries.Panel:
    waited = of_exporter("dcdn_exporter_api_budget_wait_seconds_total")
    count = of_exporter("dcdn_exporter_api_request_duration_seconds_count")
    return lines(
        "Wait for the budget, per call",
        "Seconds that a call waited for its turn on average, in a thread or put off.",
        (
            query(
                f"sum by (operation) (rate({waited}[$__rate_interval])) / "
                f"(sum by (operation) (rate({count}[$__rate_interval])) > 0)",
                "{{operation}}",
            ),
        ),
        unit="s",
        many=True,
    ).links(alert_links("DcdnBudgetNearLimit"))


def _durations() -> heatmap.Panel:
    buckets = of_exporter("dcdn_exporter_api_request_duration_seconds_bucket")
    return heat(
        "Duration of calls",
        "How long calls take from sending to the end of the reply, or to their failure; darker is more often.",
        f"sum by (le) (rate({buckets}[$__rate_interval]))",
        unit="s",
    )


def _credentials() -> timeseries.Panel:
    expiry = best("account", of_account("dcdn_exporter_credential_expiry_timestamp_seconds", EXPIRING))
    return lines(
        f"Credentials end in, the {SHOWN} soonest",
        "Time until the temporary credentials in hand end; they are renewed long before.",
        (query(f"{expiry} - time()", "{{account}}"),),
        unit="s",
        steps=((None, CRITICAL), (CREDENTIAL_LEFT_S, FINE)),
        empty=f"no credentials are known that end, or {NO_DATA}",
    ).links(alert_links("DcdnCredentialExpiring"))


def _skew() -> timeseries.Panel:
    return lines(
        "Clock of the API minus ours",
        f"Beyond {CLOCK_SKEW_S} s either way times left are wrong by as much; beyond "
        f"{CLOCK_SKEW_REFUSED_S} s the API "
        "refuses every call.",
        (query(f"max by (instance) ({of_exporter('dcdn_exporter_clock_skew_seconds')})", "{{instance}}"),),
        unit="s",
        steps=((None, WARNING), (-CLOCK_SKEW_S, FINE), (CLOCK_SKEW_S, WARNING)),
        empty=f"no reply yet, or {NO_DATA}",
    ).links(alert_links("DcdnClockSkew"))


def _discovery() -> timeseries.Panel:
    seen = best("directory", of_exporter("dcdn_exporter_discovery_last_success_timestamp_seconds"))
    return lines(
        "Age of the list of members",
        "Seconds since the members of each resource directory were last listed whole; accounts that "
        "joined since are not "
        "watched.",
        (query(f"time() - ({seen} > 0)", "{{directory}}"),),
        unit="s",
        steps=((None, FINE), (DISCOVERY_STALE_S, WARNING)),
        empty=f"no resource directory is known, or {NO_DATA}",
    ).links(alert_links("DcdnDiscoveryStale"))


def _unknown() -> timeseries.Panel:
    unknown = of_exporter("dcdn_exporter_unknown_values_total")
    return (
        lines(
            "Answers with undocumented values",
            "Answers per second with a value that the vendor's documentation does not name, by its field, where any "
            "came. They are shown as they came.",
            (query(f"sum by (field) (rate({unknown}[$__rate_interval])) > 0", "{{field}}"),),
            unit="ops",
            empty=f"no such answer is known, or {NO_DATA}",
        )
        .show_points(options.VisibilityMode.ALWAYS)
        .links(alert_links("DcdnUnknownApiValue"))
    )


def _memory() -> timeseries.Panel:
    return lines(
        "Memory",
        "Resident memory of each process.",
        (query(f"max by (instance) ({of_target('process_resident_memory_bytes')})", "{{instance}}"),),
        unit="bytes",
    )


def _cpu() -> timeseries.Panel:
    spent = of_target("process_cpu_seconds_total", rate=True)
    return lines(
        "CPU",
        "Share of one core that each process uses.",
        (query(f"max by (instance) ({spent})", "{{instance}}"),),
        unit="percentunit",
    )


def _samples() -> timeseries.Panel:
    return lines(
        "Samples of a scrape",
        "How large the page is: samples that Prometheus took from each process.",
        (query(f"max by (instance) ({of_target('scrape_samples_scraped')})", "{{instance}}"),),
        unit="short",
    )


def _scrape() -> timeseries.Panel:
    return lines(
        "Duration of a scrape",
        "Seconds that Prometheus waited for the page. A scrape never waits for the API.",
        (query(f"max by (instance) ({of_target('scrape_duration_seconds')})", "{{instance}}"),),
        unit="s",
    )
