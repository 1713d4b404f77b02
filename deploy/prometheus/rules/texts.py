"""Words that the texts of many alerts share."""

from typing import Final

from deploy.prometheus.rules.expressions import within
from deploy.prometheus.rules.thresholds import FAILURES_S
from exporter.core.model import FailureReason
from exporter.web.texts import load_texts

WHO: Final = (
    '{{ $labels.account }}{{ with $labels.account_name }} "{{ . }}"{{ end }}'
    "{{ if ne $labels.account_id $labels.account }}{{ with $labels.account_id }} ({{ . }}){{ end }}{{ end }}"
)
"""An account: the name that it has in the configuration, then that which it has at the vendor, and its id."""
WHO_ZH: Final = WHO.replace('"{{ . }}"', "“{{ . }}”")
PRODUCT: Final = "{{ $labels.product }}"
PROBE: Final = "{{ $labels.product }} {{ $labels.probe }}"
PERCENT: Final = "{{ $value | humanizePercentage }}"
DURATION: Final = "{{ $value | humanizeDuration }}"
DAY: Final = '{{ ($value | toTime).UTC.Format "2006-01-02" }}'
MINUTE: Final = '{{ ($value | toTime).UTC.Format "2006-01-02 15:04" }} UTC'
_BEIJING: Final = "(($value | toTime).UTC.Add 28800000000000)"
DAY_IN_BEIJING: Final = f'{{{{ {_BEIJING}.Format "2006-01-02" }}}}（北京时间）'
MINUTE_IN_BEIJING: Final = f'{{{{ {_BEIJING}.Format "2006-01-02 15:04" }}}}（北京时间）'

_ASK_REASON: Final = (
    f'{{{{ with query (printf "topk(1, sum by (reason) (increase(dcdn_exporter_poll_failures_total'
    f'{{job=%q,product=%q,probe=%q}}{within(FAILURES_S)})) > 0)" '
    "$labels.job $labels.product $labels.probe) }}"
)
REASON: Final = f"{_ASK_REASON}{{{{ . | first | label `reason` }}}}{{{{ else }}}}unknown{{{{ end }}}}"
"""The most frequent reason of failures of the probe, over all sites."""
_ZH: Final = load_texts()["zh"]
_IN_CHINESE: Final = " else ".join(f"if eq . `{each}` }}}}{_ZH.of(each)}{{{{" for each in FailureReason)
REASON_ZH: Final = (
    f"{_ASK_REASON}{{{{ with . | first | label `reason` }}}}{{{{ {_IN_CHINESE} else }}}}{{{{ . }}}}"
    f"{{{{ end }}}}{{{{ end }}}}{{{{ else }}}}{_ZH.of('unknown')}{{{{ end }}}}"
)
