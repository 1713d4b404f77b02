"""The dashboards as values, and the program that writes their JSON.

``addresses`` holds names and links, ``thresholds`` the numbers that the alerting rules do not have, ``selectors`` the
parts that queries share, ``queries`` those that are used twice. ``panels`` draws a panel of each kind in the house's
manner, ``mappings`` says what a number is called and how it is coloured, ``variables`` and ``annotations`` what all
dashboards have; ``frame`` puts that around the panels of ``overview`` (with ``service_table``, ``billing_table`` and
``balance_lines``), ``account`` and ``exporter_health``; ``files`` writes. After a change: ``make dashboards``.
"""
