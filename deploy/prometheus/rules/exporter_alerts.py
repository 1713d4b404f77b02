"""Alerts about the exporter itself: who watches the watcher."""

from deploy.prometheus.rules.expressions import (
    FIELDS_OF_UNKNOWN_VALUES,
    INCOMPLETE,
    LOST,
    MISSING_SHARDS,
    OUTDONE,
    inside,
    routed,
    within,
)
from deploy.prometheus.rules.rule import Alert, Pause, Severity
from deploy.prometheus.rules.texts import DURATION, WHO, WHO_ZH
from deploy.prometheus.rules.thresholds import (
    ACCOUNT_MISSING_S,
    CLOCK_SKEW_S,
    CREDENTIAL_LEFT_S,
    DISCOVERY_STALE_S,
    JOB,
    MINUTE_S,
    POLL_INTERVAL_S,
    POLL_TIMEOUT_S,
    RESTART_S,
    RESTARTS,
    RESTARTS_S,
    UNKNOWN_VALUES_S,
)
from exporter.config.values import format_duration

_POLLED_S = POLL_INTERVAL_S + POLL_TIMEOUT_S

# Newest wins among the replicas of a shard; each shard looks for its own accounts.
_discovery = f"""
time() - max by (job, directory, shard) (
  dcdn_exporter_discovery_last_success_timestamp_seconds
    * on (job, instance) group_left (shard)
  count_values by (job, instance) ("shard", dcdn_exporter_shard_ordinal)
) > {DISCOVERY_STALE_S}"""

# The last success is 0 until the first, so that its age is the time since 1970.
_NEVER_READ = "{{ if gt $value 1e9 }}"

# An unsharded exporter answers for all of its accounts by itself; shards answer together. The count is of what is
# polled, and 0 where nothing is.
_missing = """
max by (job) (
  max by (job, instance) (dcdn_exporter_configured_accounts)
    -
  (
    count by (job, instance) (count by (job, instance, account) (dcdn_poll_success))
      or
    0 * max by (job, instance) (dcdn_exporter_configured_accounts)
  )
    and on (job, instance)
  dcdn_exporter_total_shards == 1
) > 0
  or
max by (job) (dcdn_exporter_configured_accounts and on (job, instance) dcdn_exporter_total_shards > 1)
  -
(
  count by (job) (
    count by (job, account) (dcdn_poll_success and on (job, instance) dcdn_exporter_total_shards > 1)
  )
    or
  0 * max by (job) (dcdn_exporter_configured_accounts)
) > 0"""

_replica = f"""
max by (job, instance) (up{{job="{JOB}"}}) == 0
  and on (job)
max by (job) (up{{job="{JOB}"}}) == 1
  or
count by (job, instance) ({OUTDONE})"""

# What was lost with an exporter that left a complete job was removed, or moved.
_unwatched = f"""
count by (job) (
  count by (job, account) (
    {LOST}
      and on (job, instance)
    (
      up{{job="{JOB}"}} == 0
        or
      dcdn_exporter_discovery_last_success_timestamp_seconds == 0
    )
      or
    (
      {LOST}
        unless on (job, instance)
      up{{job="{JOB}"}}
        and on (job)
      {INCOMPLETE}
    )
  )
)
  and on (job)
up{{job="{JOB}"}} == 1"""

_unknown = f"""
sum by (job, field) (increase(dcdn_exporter_unknown_values_total{within(UNKNOWN_VALUES_S)})) > 0
  unless on (field)
(
{inside(FIELDS_OF_UNKNOWN_VALUES)}
)"""

EXPORTER_ALERTS = (
    Alert(
        "DcdnUnknownApiValue",
        Severity.INFO,
        _unknown,
        fires_when="the same, where the value stands in no label",
        learned_after_s=_POLLED_S,
        waits=Pause(0, "it is shown as it came, or left out, and nothing has to be waited for"),
        summary="The API answers with an unknown {{ $labels.field }}",
        description="With `--log.level=debug` the log names account and value. Open an issue of the project, so that "
        "the next version knows it.",
        summary_zh="API 返回了 exporter 不认识的 {{ $labels.field }}",
        description_zh="以 `--log.level=debug` 运行时，日志会给出账号和值。"
        "请反馈给本项目（提交 issue），以便下一个版本支持。",
    ),
    Alert(
        "DcdnClockSkew",
        Severity.WARNING,
        f"max by (job, instance) (abs(dcdn_exporter_clock_skew_seconds)) > {CLOCK_SKEW_S}",
        fires_when=f"the clock of an exporter's machine is off by more than {CLOCK_SKEW_S} seconds",
        learned_after_s=_POLLED_S,
        waits=Pause(10 * MINUTE_S, "a machine that has just started may still set its clock"),
        summary=f"The clock of {{{{ $labels.instance }}}} is off by {DURATION}",
        description="The API refuses every call beyond 15 minutes, and times left are wrong by that much already. "
        "Mend the time service of the machine.",
        summary_zh=f"{{{{ $labels.instance }}}} 的时钟偏差 {DURATION}",
        description_zh="偏差超过 15 分钟时 API 会拒绝所有调用；剩余时间等数值现在已经有同样的误差。"
        "请修复该机器的时间服务。",
    ),
    Alert(
        "DcdnCredentialExpiring",
        Severity.CRITICAL,
        routed(
            f"max by (account) (dcdn_exporter_credential_expiry_timestamp_seconds) - time() < {CREDENTIAL_LEFT_S}",
        ),
        fires_when=f"no replica has credentials for the account that last {format_duration(CREDENTIAL_LEFT_S)} more",
        learned_after_s=0,
        waits=Pause(MINUTE_S, "a renewal under way may be met once"),
        summary=f"{WHO}: the credentials are not being renewed",
        description=f"{{{{ if gt $value 0.0 }}}}They end in {DURATION}{{{{ else }}}}They have ended"
        "{{ end }}, and should have been replaced long before. Every poll of the account fails after that.",
        summary_zh=f"{WHO_ZH}：凭证没有被更新",
        description_zh=f"{{{{ if gt $value 0.0 }}}}凭证将在 {DURATION} "
        f"后失效{{{{ else }}}}凭证已经失效{{{{ end }}}}，"
        "本应早已更新。失效后该账号的所有轮询都会失败。",
    ),
    Alert(
        "DcdnDiscoveryStale",
        Severity.WARNING,
        _discovery,
        fires_when=f"a resource directory was not read for {format_duration(DISCOVERY_STALE_S)}, by any replica of a "
        "shard",
        learned_after_s=DISCOVERY_STALE_S,
        waits=Pause(RESTART_S, "an exporter that has just started has not read it yet"),
        summary=f"{_NEVER_READ}Accounts of directory {{{{ $labels.directory }}}} are not polled{{{{ else }}}}"
        "New accounts of directory {{ $labels.directory }} are not found{{ end }}",
        description=f"{_NEVER_READ}The exporter (shard {{{{ $labels.shard }}}}) has not read it since its start, and "
        "polls none of its accounts but those of the configuration file. Locks of the others would not be seen."
        f"{{{{ else }}}}The accounts known so far are still polled. Accounts that joined in the last {DURATION} are "
        "not watched.{{ end }}",
        summary_zh=f"资源目录 {{{{ $labels.directory }}}} 的{_NEVER_READ}账号没有被轮询{{{{ else }}}}"
        "新账号没有被发现{{ end }}",
        description_zh=f"{_NEVER_READ}exporter（分片 {{{{ $labels.shard }}}}）启动以来没有读到该目录，"
        "除配置文件中的账号外，其账号都没有被轮询，若被锁定将无法发现。"
        f"{{{{ else }}}}已知账号仍在轮询。最近 {DURATION} 内加入的账号没有被监控。{{{{ end }}}}",
    ),
    Alert(
        "DcdnAccountMissing",
        Severity.CRITICAL,
        _missing,
        fires_when="fewer accounts are polled than are configured, over all shards",
        learned_after_s=0,
        waits=Pause(ACCOUNT_MISSING_S, "shards learn of a new configuration, or a new member, one after another"),
        summary="Accounts that {{ $labels.job }} does not poll: {{ $value }}",
        description="They are configured, or were discovered, but no probe of theirs exists: a shard is missing, or "
        "shards disagree about how many they are.",
        summary_zh="{{ $labels.job }} 没有轮询 {{ $value }} 个账号",
        description_zh="这些账号已配置或已被发现，但没有任何探测项：有分片缺失，或各分片的总数不一致。",
    ),
    Alert(
        "DcdnAccountsUnwatched",
        Severity.CRITICAL,
        _unwatched,
        fires_when="accounts were watched by an exporter that is down or gone, and by no other one",
        learned_after_s=0,
        waits=Pause(5 * MINUTE_S, "a restart or a move to another node takes less"),
        summary="Accounts of {{ $labels.job }} that no exporter watches any more: {{ $value }}",
        description="The exporter that showed them is down, has left service discovery, or could not read their "
        "resource directory since its start. Locks of these accounts would not be seen. The runbook has a query that "
        "names them.",
        summary_zh="{{ $labels.job }} 有 {{ $value }} 个账号不再被任何 exporter 监控",
        description_zh="负责这些账号的 exporter 无法抓取、已从服务发现中消失，或启动后未能读取资源目录。"
        "这些账号若被锁定将无法发现。手册中有列出它们的查询。",
    ),
    Alert(
        "DcdnShardMissing",
        Severity.CRITICAL,
        MISSING_SHARDS,
        fires_when="no replica of a shard can be scraped, or none runs with its ordinal",
        learned_after_s=0,
        waits=Pause(5 * MINUTE_S, "a rolling update takes one shard after another away, each for less than a minute"),
        summary="Shards of {{ $labels.job }} are missing: {{ $value }}",
        description="No replica with their ordinals is scraped: locks of their accounts would not be seen. The other "
        "shards do not take over what is theirs.",
        summary_zh="{{ $labels.job }} 缺少 {{ $value }} 个分片",
        description_zh="没有抓取到这些序号的副本：其账号若被锁定将无法发现。其他分片不会接管。",
    ),
    Alert(
        "DcdnConfigReloadFailed",
        Severity.WARNING,
        "min by (job, instance) (dcdn_exporter_config_last_reload_successful) == 0",
        fires_when="an exporter could not read its configuration when it last tried",
        learned_after_s=0,
        waits=Pause(5 * MINUTE_S, "the file may still be under work"),
        summary="{{ $labels.instance }} runs with an old configuration",
        description="The last reload was refused, and the configuration before it is in use. A restart would fail.",
        summary_zh="{{ $labels.instance }} 仍在使用旧配置",
        description_zh="最近一次重新加载被拒绝，仍在使用之前的配置。此时重启会失败。",
    ),
    Alert(
        "DcdnExporterRestarting",
        Severity.WARNING,
        f"max by (job, instance) (changes(process_start_time_seconds{within(RESTARTS_S)})) >= {RESTARTS}",
        fires_when=f"an exporter started {RESTARTS} times within {format_duration(RESTARTS_S)}",
        learned_after_s=RESTARTS_S,
        waits=Pause(0, "that often is no update"),
        summary="{{ $labels.instance }} keeps restarting",
        description=f"It started {{{{ $value }}}} times within {format_duration(RESTARTS_S)}, and forgets what it "
        "knows "
        "each time. Its log, or the reason that the service manager names, says why it ends.",
        summary_zh="{{ $labels.instance }} 反复重启",
        description_zh=f"{RESTARTS_S // MINUTE_S} 分钟内启动了 {{{{ $value }}}} 次，每次都会丢失已知状态。"
        "退出原因见其日志或服务管理器的记录。",
    ),
    Alert(
        "DcdnReplicaFailing",
        Severity.WARNING,
        _replica,
        fires_when="a replica cannot be scraped, or fails polls that another one succeeds with",
        learned_after_s=_POLLED_S,
        waits=Pause(15 * MINUTE_S, "replicas poll at different moments, and one that restarts is soon back"),
        summary="Replica {{ $labels.instance }} of {{ $labels.job }} fails",
        description="{{ if $value }}Probes that fail on this one only: {{ $value }}. Another one still answers, so "
        "nothing is lost yet.{{ else }}It cannot be scraped. Nothing is lost if another one polls the same probes of "
        "its accounts. If that one leaves probes out, their alerts end. If there is none, the accounts are not "
        "watched.{{ end }}",
        summary_zh="{{ $labels.job }} 的副本 {{ $labels.instance }} 出现故障",
        description_zh="{{ if $value }}有 {{ $value }} 个探测项只在这个副本上失败：另一个副本仍有响应，暂无损失。"
        "{{ else }}无法抓取该副本。若另一个副本轮询其账号的同样探测项，则没有损失；"
        "若另一个缺少某些探测项，这些探测项的告警会结束；若没有另一个，这些账号没有被监控。{{ end }}",
    ),
    Alert(
        "DcdnExporterDown",
        Severity.CRITICAL,
        f'max by (job) (up{{job="{JOB}"}}) == 0',
        fires_when="no replica of the exporter can be scraped",
        learned_after_s=0,
        waits=Pause(2 * MINUTE_S, "a restart takes less"),
        summary="{{ $labels.job }} is down",
        description="No replica can be scraped: nothing is known of any service. Locks would not be seen.",
        summary_zh="无法抓取 {{ $labels.job }}",
        description_zh="所有副本都无法抓取：任何服务的状态都未知，锁定将无法发现。",
    ),
    Alert(
        "DcdnExporterAbsent",
        Severity.CRITICAL,
        f'absent(up{{job="{JOB}"}})',
        fires_when="Prometheus knows no target of the exporter",
        learned_after_s=0,
        waits=Pause(10 * MINUTE_S, "Prometheus finds its targets anew after a restart"),
        summary="Prometheus scrapes no {{ $labels.job }}",
        description=f"No target has the job {JOB}: the exporter was removed, or its scrape configuration was. "
        "Nothing is known of any service.",
        summary_zh="Prometheus 没有抓取 {{ $labels.job }}",
        description_zh=f"没有任务名为 {JOB} 的抓取目标：exporter 或其抓取配置被移除。任何服务的状态都未知。",
    ),
)
