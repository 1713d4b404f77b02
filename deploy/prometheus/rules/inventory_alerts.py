"""Alerts about what stops delivery beside a lock: certificates, domains, resource packages, plans of ESA."""

from deploy.prometheus.rules.expressions import (
    CHECK_FAILED,
    EXPIRED,
    EXPIRED_BEFORE,
    EXPIRING,
    LOCK,
    OFFLINE,
    ONLINE,
    PACKAGE_END,
    PACKAGE_LEFT,
    PLAN_EXPIRY,
    PLANS_STOPPED,
    SITES_OFFLINE,
    WENT_OFFLINE,
    routed,
    within,
)
from deploy.prometheus.rules.rule import Alert, Pause, Severity
from deploy.prometheus.rules.texts import DAY, DAY_IN_BEIJING, PERCENT, PRODUCT, WHO, WHO_ZH
from deploy.prometheus.rules.thresholds import (
    ENDING_S,
    FEW_DOMAINS,
    HOUR_S,
    INVENTORY_INTERVAL_S,
    MINUTE_S,
    OFFLINE_LEAST,
    OFFLINE_SHARE,
    PACKAGE_SHARE,
    POLL_TIMEOUT_S,
    STOPPED_S,
    UNLOCKED_S,
)
from exporter.config.values import format_duration

_POLLED_S = INVENTORY_INTERVAL_S + POLL_TIMEOUT_S
_COUNT = "{{ $value }}"
_TEMPLATE = "{{ $labels.template }}"
_A_FACT = Pause(0, "the vendor's count is a fact, and every minute counts")
_NO_HURRY = Pause(0, "a day is a fact, not a measurement")

# One that fires goes on while any of its domains is offline. A lock that came first has an alert of its own.
_fires = 'ALERTS{alertname="DcdnDomainsOffline", alertstate="firing"}'
_went_offline = f"""
(
  {WENT_OFFLINE} >= {OFFLINE_LEAST}
    or
  {WENT_OFFLINE} >= {OFFLINE_SHARE} * ({ONLINE} + {OFFLINE})
    or
  {WENT_OFFLINE}
    and
  {ONLINE} + {OFFLINE} < {FEW_DOMAINS}
    or
  {WENT_OFFLINE}
    and on (account, product)
  {_fires}
)
  unless on (account, product)
(
  last_over_time({LOCK}{within(UNLOCKED_S)})
    unless on (account, product)
  {_fires}
)"""

INVENTORY_ALERTS = (
    Alert(
        "DcdnCertificateExpired",
        Severity.CRITICAL,
        routed(f"{EXPIRED} - min_over_time({EXPIRED_BEFORE}{within(STOPPED_S)}) > 0"),
        fires_when="more domains have a certificate that has expired than before, within "
        f"{STOPPED_S // HOUR_S} hours (probe `certificates`)",
        learned_after_s=_POLLED_S,
        waits=_A_FACT,
        summary=f"{WHO}: domains of {PRODUCT} whose certificate expired within {STOPPED_S // HOUR_S} hours: {_COUNT}",
        description="Browsers refuse these domains now. Renew or replace their certificates; a renewal that failed "
        "is not tried again by itself. This alert ends after a day even if they are not renewed.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 在 {STOPPED_S // HOUR_S} 小时内证书过期的域名：{_COUNT} 个",
        description_zh="浏览器现在会拒绝访问这些域名。请续期或更换证书；失败的自动续期不会自行重试。"
        "本告警最迟一天后结束，即使仍未续期。",
    ),
    Alert(
        "DcdnCertificateExpired",
        Severity.WARNING,
        routed(f"{EXPIRED} > 0"),
        fires_when="a domain's certificate has expired (probe `certificates`)",
        learned_after_s=_POLLED_S,
        waits=_A_FACT,
        summary=f"{WHO}: domains of {PRODUCT} with an expired certificate: {_COUNT}",
        description="Browsers refuse these domains. Renew or replace their certificates, or remove the domains that "
        "are not used any more.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 证书已过期的域名：{_COUNT} 个",
        description_zh="浏览器会拒绝访问这些域名。请续期或更换证书，或删除不再使用的域名。",
    ),
    Alert(
        "DcdnCertificatesExpiring",
        Severity.WARNING,
        routed(EXPIRING),
        fires_when="a domain's certificate expires within 30 days (probe `certificates`)",
        learned_after_s=_POLLED_S,
        waits=_NO_HURRY,
        summary=f"{WHO}: domains of {PRODUCT} whose certificate expires within 30 days: {_COUNT}",
        description="Renew them before; browsers refuse a domain from the minute on at which its certificate ends. "
        "Check that the automatic renewal works where there is one.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 证书将在 30 天内过期的域名：{_COUNT} 个",
        description_zh="请提前续期；证书过期的那一刻起，浏览器就会拒绝访问该域名。如有自动续期，请确认其正常工作。",
    ),
    Alert(
        "DcdnDomainsOffline",
        Severity.CRITICAL,
        routed(_went_offline),
        fires_when=f"online domains went offline: any of fewer than {FEW_DOMAINS}, else {OFFLINE_LEAST} or a tenth; "
        f"until they are online or gone, or {STOPPED_S // HOUR_S} hours have passed (probe `domains`)",
        learned_after_s=_POLLED_S,
        waits=Pause(2 * MINUTE_S, "a lock that takes them offline is seen before, and is the message"),
        summary=f"{WHO}: domains of {PRODUCT} that went offline: {_COUNT}",
        description="They serve nothing. Causes: a violation, a lapsed ICP filing, an overdue payment, a usage cap, "
        "or somebody stopped them. The service may be active all the same. The vendor's messages name the cause, and "
        "`status` the domains.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 下线的域名：{_COUNT} 个",
        description_zh="这些域名已停止服务。可能原因：违规、ICP 备案失效、欠费、用量封顶，或有人停用。"
        "服务本身可能仍为正常。具体原因见阿里云控制台消息中心，用 `dcdn-exporter status` 查看域名。",
    ),
    Alert(
        "DcdnDomainCheckFailed",
        Severity.WARNING,
        routed(f"sum by (account, product) ({CHECK_FAILED})"),
        fires_when="domains failed their review or their configuration (probe `domains`)",
        learned_after_s=_POLLED_S,
        waits=Pause(30 * MINUTE_S, "the vendor tries again, and a person may be at it"),
        summary=f"{WHO}: domains of {PRODUCT} that failed review or configuration: {_COUNT}",
        description="They do not serve, or not as configured. A review fails for content or for an ICP filing that "
        "lacks. Look at the domains in the console; after a correction, submit them again.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 审核或配置失败的域名：{_COUNT} 个",
        description_zh="这些域名未提供服务，或配置未生效。审核失败多因内容或缺少 ICP 备案。"
        "请在控制台查看，更正后重新提交。",
    ),
    Alert(
        "DcdnResourcePackageLow",
        Severity.WARNING,
        routed(PACKAGE_LEFT),
        fires_when=f"less than {PACKAGE_SHARE:.0%} is left of all resource packages of a template, also when nothing "
        "is (probe `resource_packages`)",
        learned_after_s=_POLLED_S,
        waits=_NO_HURRY,
        summary=f"{WHO}: {PERCENT} left of {PRODUCT} resource package {_TEMPLATE}",
        description="No other package of its kind is behind it: what follows is billed as you go, and may end in a "
        "debt and a lock. Buy another package, or see that the balance suffices.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 资源包 {_TEMPLATE} 剩余 {PERCENT}",
        description_zh="没有同类资源包可以接续：之后按量计费，可能导致欠费和锁定。请购买新的资源包，或确认余额充足。",
    ),
    Alert(
        "DcdnResourcePackageEnding",
        Severity.WARNING,
        routed(PACKAGE_END),
        fires_when=f"the last resource package of a template that has something left ends within "
        f"{format_duration(ENDING_S)} (probe `resource_packages`)",
        learned_after_s=_POLLED_S,
        waits=_NO_HURRY,
        summary=f"{WHO}: {PRODUCT} resource package {_TEMPLATE} is valid until {DAY}",
        description="What is left of it is lost then, and what follows is billed as you go. Buy the next package "
        "before, or see that the balance suffices.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 资源包 {_TEMPLATE} 于 {DAY_IN_BEIJING}到期",
        description_zh="到期后剩余用量作废，之后按量计费。请提前购买下一个资源包，或确认余额充足。",
    ),
    Alert(
        "DcdnEsaPlanStopped",
        Severity.CRITICAL,
        routed(PLANS_STOPPED),
        fires_when="plans of ESA are overdue, or offline since they have expired (product `esa`)",
        learned_after_s=_POLLED_S,
        waits=_A_FACT,
        summary=f"{WHO}: plans of ESA that are {{{{ $labels.status }}}}: {_COUNT}",
        description="The sites of these plans are not served. "
        '{{ if eq $labels.status "overdue" }}Pay what the account owes.{{ else }}Renew them. '
        "15 days after its end a plan is released with its sites, and cannot be restored.{{ end }}",
        summary_zh=f'{WHO_ZH}：ESA 套餐{{{{ if eq $labels.status "overdue" }}}}已欠费{{{{ else }}}}已到期'
        f"{{{{ end }}}}：{_COUNT} 个",
        description_zh="这些套餐的站点已停止服务。"
        '{{ if eq $labels.status "overdue" }}请付清欠款。{{ else }}请续费。'
        "套餐到期 15 天后会连同站点一起释放，无法恢复。{{ end }}",
    ),
    Alert(
        "DcdnEsaSitesOffline",
        Severity.WARNING,
        routed(f"{SITES_OFFLINE}\n  unless on (account, product)\n{PLANS_STOPPED}"),
        fires_when="sites of ESA are offline, and no plan of the account is overdue or offline (product `esa`)",
        learned_after_s=_POLLED_S,
        waits=Pause(15 * MINUTE_S, "sites may come back one answer later than a plan that was renewed"),
        summary=f"{WHO}: sites of ESA that are offline: {_COUNT}",
        description="They are suspended and not served, and no plan of the account is overdue or offline. Activate "
        "them in the console, or delete those that are not needed.",
        summary_zh=f"{WHO_ZH}：ESA 站点已下线：{_COUNT} 个",
        description_zh="账号没有欠费或已到期的套餐，但这些站点已被停用，不再提供服务。请在控制台重新启用，或删除不再需要的站点。",
    ),
    Alert(
        "DcdnEsaPlanExpiring",
        Severity.WARNING,
        routed(PLAN_EXPIRY),
        fires_when=f"a plan of ESA ends within {format_duration(ENDING_S)}, and is not renewed by itself "
        "(product `esa`)",
        learned_after_s=_POLLED_S,
        waits=_NO_HURRY,
        summary=f"{WHO}: ESA plan {{{{ $labels.instance_id }}}} is paid until {DAY}",
        description="Its sites are not served after that. 15 days later the plan is released with them. Renew it, or "
        "turn on the automatic renewal.",
        summary_zh=f"{WHO_ZH}：ESA 套餐 {{{{ $labels.instance_id }}}} 于 {DAY_IN_BEIJING}到期",
        description_zh="到期后其站点停止服务，15 天后套餐连同站点一起释放。请续费，或开启自动续费。",
    ),
)
