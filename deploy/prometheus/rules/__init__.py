"""The alerting rules as values, and the program that writes every file that comes from them.

``thresholds`` holds every number, ``rule`` what a rule is, ``expressions`` the parts that many of them share,
``recordings``, ``service_alerts``, ``inventory_recordings``, ``inventory_alerts``, ``poll_recordings``,
``poll_alerts`` and
``exporter_alerts`` the rules, ``dashboard_recordings`` what only dashboards read, ``groups`` their order;
``delays`` says how soon an alert is seen, ``links`` where its links lead; ``files`` and ``table`` write. After a
change: ``make rules``.
"""
