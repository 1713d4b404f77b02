"""Whether the exporter itself can be believed."""

from grafana_foundation_sdk.builders import common, dashboard, heatmap, stat, timeseries
from grafana_foundation_sdk.models import common as options

from deploy.prometheus.rules.thresholds import (
    BUDGET_SHARE,
    CLOCK_SKEW_S,
    CREDENTIAL_LEFT_S,
    DISCOVERY_STALE_S,
    SKIPPED_SHARE,
    THROTTLED_SHARE,
)
from grafana.builder.addresses import EXPORTER_UID
from grafana.builder.frame import framed
from grafana.builder.mappings import CRITICAL, FINE, WARNING, names
from grafana.builder.panels import alert_links, heat, lines, query, stat_panel
from grafana.builder.queries import share_of_stale_after
from grafana.builder.selectors import PROBE, best, of_account, of_exporter, of_known_account, of_service, of_target
from grafana.builder.thresholds import CLOCK_SKEW_REFUSED_S, SHOWN
from grafana.builder.variables import accounts, datasource, instance, job, products


def exporter_health() -> dashboard.Dashboard:
    """How well polls go, what they cost, and how the process is."""
    return framed(
        "Whether the exporter is to be believed: its polls, its budget of calls, its credentials, clock and process.",
        EXPORTER_UID,
        variables=(datasource(), job(), instance(), accounts(), products()),
        rows=(
            ("Now", (_up(), _accounts(), _missing(), _probes(), _configuration(), _shards())),
            ("Polls", (_polls(), _failures(), _shares(), _ages())),
            ("Calls", (_calls(), _budget(), _wait(), _durations())),
            ("Credentials, clock and discovery", (_credentials(), _skew(), _discovery(), _unknown())),
            ("Process", (_memory(), _cpu(), _samples(), _scrape())),
        ),
    )


def _up() -> stat.Panel:
    return stat_panel(
        "Not scraped",
        "Chosen exporters, replicas and shards, that Prometheus cannot scrape.",
        f"sum({best('job, instance', of_target('up', by='job'))} == bool 0)",
        steps=((None, FINE), (1, CRITICAL)),
    ).links(alert_links("DcdnExporterDown", "DcdnReplicaFailing", "DcdnExporterAbsent", "DcdnExporterRestarting"))


def _accounts() -> stat.Panel:
    return stat_panel(
        "Accounts",
        "Accounts in the configuration and from discovery, before sharding.",
        _over_jobs("dcdn_exporter_configured_accounts"),
        steps=((None, "blue"),),
    )


def _missing() -> stat.Panel:
    configured = _over_jobs("dcdn_exporter_configured_accounts")
    polled = f"count(count by (job, account) ({of_exporter('dcdn_poll_success')}))"
    return stat_panel(
        "Accounts not polled",
        "Accounts of which no chosen exporter has a probe: a shard is missing, or was not chosen above.",
        f"{configured} - ({polled} or 0 * {configured})",
        steps=((None, FINE), (1, CRITICAL)),
    ).links(alert_links("DcdnAccountMissing", "DcdnAccountsUnwatched"))


def _probes() -> stat.Panel:
    return stat_panel(
        "Probes",
        "Probes that are polled, each counted once however many replicas poll it.",
        f"count({best(PROBE, of_exporter('dcdn_poll_success'))})",
        steps=((None, "blue"),),
    )


def _configuration() -> stat.Panel:
    return (
        stat_panel(
            "Reload succeeded",
            "No: the last reload was refused, the configuration before it is in use, and a restart would fail.",
            f"min({of_exporter('dcdn_exporter_config_last_reload_successful')})",
            steps=((None, WARNING), (1, FINE)),
        )
        .mappings([names((0, "no", WARNING), (1, "yes", FINE))])
        .links(alert_links("DcdnConfigReloadFailed"))
    )


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
        "Polls that ended, failed ones included, per second.",
        (
            query(
                f"sum by (product, probe) (rate({of_service('dcdn_polls_total')}[$__rate_interval]))",
                "{{product}} {{probe}}",
            ),
        ),
        unit="ops",
    )


def _failures() -> timeseries.Panel:
    failed = of_service("dcdn_poll_failures_total")
    return (
        lines(
            "Failed polls by reason",
            "Polls that ended without knowing the state, per second.",
            (query(f"sum by (reason) (rate({failed}[$__rate_interval])) > 0", "{{reason}}"),),
            unit="ops",
            empty="no poll failed",
        )
        .fill_opacity(40)
        .stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
        .links(alert_links("DcdnFleetFailing", "DcdnPollFailing", "DcdnAuthFailing", "DcdnPermissionMissing"))
    )


def _shares() -> timeseries.Panel:
    throttled = (
        f"sum by ({PROBE}) (rate({of_service('dcdn_poll_failures_total', reason='throttled')}[$__rate_interval]))"
    )
    polls = f"sum by ({PROBE}) (rate({of_service('dcdn_polls_total')}[$__rate_interval]))"
    skipped = f"sum by ({PROBE}) (rate({of_service('dcdn_polls_skipped_total')}[$__rate_interval]))"
    return lines(
        "Worst share of polls throttled or skipped",
        f"Of the probe that is worst off: polls that met the vendor's limit (alert above "
        f"{THROTTLED_SHARE:.0%}), and runs "
        f"that were due while the last one was not over (alert above {SKIPPED_SHARE:.0%}).",
        (
            query(f"max({throttled} / {polls})", "throttled"),
            query(f"max({skipped} / ({polls} + {skipped}))", "skipped", "B"),
        ),
        unit="percentunit",
        steps=((None, FINE), (THROTTLED_SHARE, WARNING)),
        reaches=SKIPPED_SHARE,
    ).links(alert_links("DcdnThrottled", "DcdnPollsSkipped"))


def _ages() -> timeseries.Panel:
    age = share_of_stale_after(PROBE)
    return lines(
        "Age of the data, of its limit",
        "How old the last answers are, as a share of the age past which they are not shown any more.",
        (query(f"max({age})", "oldest"), query(f"quantile(0.5, {age})", "median", "B")),
        unit="percentunit",
        steps=((None, FINE), (1, CRITICAL)),
        empty="no answer yet",
        reaches=1,
    ).links(alert_links("DcdnDataStale"))


def _calls() -> timeseries.Panel:
    count = of_exporter("dcdn_exporter_api_request_duration_seconds_count")
    return lines(
        "Calls of the API",
        "Calls per second that ended, by operation, of all accounts together.",
        (query(f"sum by (operation) (rate({count}[$__rate_interval])) > 0", "{{operation}}"),),
        unit="reqps",
    )


def _budget() -> timeseries.Panel:
    polls = f"rate({of_service('dcdn_polls_total')}[$__rate_interval])"
    ids = f"max by (job, instance, account, account_id) ({of_known_account('dcdn_account_info')})"
    operations = f"max by (job, instance, product, probe, operation) ({of_exporter('dcdn_exporter_probe_info')})"
    pace = f"max by (job, instance, operation) ({of_exporter('dcdn_exporter_api_budget_calls_per_second')})"
    spent = (
        f"sum by (job, instance, account_id, operation) ({polls} * on (job, instance, account) "
        f"group_left (account_id) "
        f"{ids} * on (job, instance, product, probe) group_left (operation) {operations})"
    )
    return lines(
        "Budget used by the busiest account",
        "Calls per second of an operation as a share of the pace that is kept for each account. Near "
        "100 % polls wait "
        "for their turn.",
        (
            query(
                f"max by (operation) ({spent} / on (job, instance, operation) group_left () {pace})", "{{operation}}"
            ),
        ),
        unit="percentunit",
        steps=((None, FINE), (BUDGET_SHARE, WARNING)),
        reaches=1,
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
    expiry = best("account", of_account("dcdn_exporter_credential_expiry_timestamp_seconds"))
    return lines(
        f"Credentials end in, the {SHOWN} soonest",
        "Time until the temporary credentials in hand end; they are renewed long before.",
        (query(f"bottomk({SHOWN}, {expiry} - time())", "{{account}}"),),
        unit="s",
        steps=((None, CRITICAL), (CREDENTIAL_LEFT_S, FINE)),
        empty="no credentials that end",
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
        empty="no reply yet",
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
        empty="no discovery",
    ).links(alert_links("DcdnDiscoveryStale"))


def _unknown() -> timeseries.Panel:
    unknown = of_exporter("dcdn_exporter_unknown_values_total")
    return lines(
        "Answers with undocumented values",
        "Answers per second with a value that the vendor's documentation does not name, by its "
        "field. They are shown as "
        "they came.",
        (query(f"sum by (field) (rate({unknown}[$__rate_interval]))", "{{field}}"),),
        unit="ops",
    ).links(alert_links("DcdnUnknownApiValue"))


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
