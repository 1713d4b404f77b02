import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest

from exporter.core.model import Answer, Observation, ProbeKey
from exporter.probes.service_state import NOT_ACTIVATED


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        pytest.param(lambda: ProbeKey(account="", product="dcdn_ipa", probe="service"), "account", id="no account"),
        pytest.param(lambda: ProbeKey(account="prod", product="", probe="service"), "product", id="no product"),
        pytest.param(lambda: ProbeKey(account="prod", product="dcdn_ipa", probe=""), "name", id="no probe"),
        pytest.param(lambda: Observation(1.0, -0.1, Answer(NOT_ACTIVATED)), "negative", id="negative duration"),
        pytest.param(lambda: Observation(1.0, math.nan, Answer(NOT_ACTIVATED)), "negative", id="no duration"),
        pytest.param(lambda: Observation(1.0, math.inf, Answer(NOT_ACTIVATED)), "negative", id="endless duration"),
        pytest.param(lambda: Observation(math.inf, 0.1, Answer(NOT_ACTIVATED)), "moment", id="never finished"),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], object], complaint: str) -> None:
    """A value that contradicts itself cannot be made, so that no other code has to check."""
    with pytest.raises(ValueError, match=complaint):
        build()


def test_values_do_not_change() -> None:
    """What a reader was given stays as it was."""
    with pytest.raises(FrozenInstanceError):
        NOT_ACTIVATED.activated = True  # type: ignore[misc]


def test_an_answer_has_no_unknown_values_unless_it_names_them() -> None:
    """The default is an empty mapping that cannot be written to."""
    unknown = Answer(NOT_ACTIVATED).unknown_values

    assert unknown == {}
    assert not hasattr(unknown, "__setitem__")


def test_a_probe_is_written_as_a_path() -> None:
    """That is how logs and jobs name it."""
    assert str(ProbeKey(account="prod", product="dcdn_ipa", probe="service")) == "prod/dcdn_ipa/service"
