"""What is near, and what is little: the status page says it when the alerts do."""

from deploy.prometheus.rules import thresholds
from exporter.probes import esa, resource_package_templates, service


def test_what_ends_soon_is_a_warning_when_its_alert_fires() -> None:
    """A service, a plan and a resource package."""
    assert {service.END_HORIZON_S, esa.ENDING_S, resource_package_templates.ENDING_S} == {thresholds.ENDING_S}


def test_a_change_that_is_soon_leads_to_the_runbook_of_its_alert() -> None:
    """A later one leads to that of its submission."""
    assert service.CHANGE_SOON_S == thresholds.CHANGE_SOON_S


def test_a_package_is_low_when_its_alert_fires() -> None:
    """By the share that is left."""
    assert resource_package_templates.LOW_SHARE == thresholds.PACKAGE_SHARE
