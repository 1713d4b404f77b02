"""Words that the texts of many alerts share."""

from typing import Final

WHO: Final = (
    '{{ $labels.account }}{{ with $labels.account_name }} "{{ . }}"{{ end }}'
    "{{ if ne $labels.account_id $labels.account }}{{ with $labels.account_id }} ({{ . }}){{ end }}{{ end }}"
)
"""An account: the name that it has in the configuration, then that which it has at the vendor, and its id."""
PRODUCT: Final = "{{ $labels.product }}"
PROBE: Final = "{{ $labels.product }} {{ $labels.probe }}"
PERCENT: Final = "{{ $value | humanizePercentage }}"
DURATION: Final = "{{ $value | humanizeDuration }}"
DAY: Final = '{{ ($value | toTime).UTC.Format "2006-01-02" }}'
MINUTE: Final = '{{ ($value | toTime).UTC.Format "2006-01-02 15:04" }} UTC'
_BEIJING: Final = "(($value | toTime).UTC.Add 28800000000000)"
DAY_IN_BEIJING: Final = f'{{{{ {_BEIJING}.Format "2006-01-02" }}}}'
MINUTE_IN_BEIJING: Final = f'{{{{ {_BEIJING}.Format "2006-01-02 15:04" }}}}（北京时间）'
