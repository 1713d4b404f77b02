import pytest

from exporter.api.errors import MalformedReply
from exporter.api.fields import AnswerFields
from exporter.probes.lock_reasons import lock_reasons


def reasons_in(locks: object) -> tuple[str, ...]:
    return lock_reasons(AnswerFields({"OperationLocks": locks}, "request-1"))


def nested(depth: int) -> object:
    value: object = "financial"
    for _ in range(depth):
        value = [value]
    return value


def nested_objects(depth: int) -> object:
    value: object = "financial"
    for _ in range(depth):
        value = {"LockReason": value}
    return value


@pytest.mark.parametrize(
    ("locks", "reasons"),
    [
        pytest.param({"LockReason": [{"LockReason": "financial"}]}, ("financial",), id="documented"),
        pytest.param({"LockReason": []}, (), id="documented and empty"),
        pytest.param([{"LockReason": "financial"}], ("financial",), id="flat list"),
        pytest.param(["financial"], ("financial",), id="list of texts"),
        pytest.param({"LockReason": ["financial"]}, ("financial",), id="nested list of texts"),
        pytest.param({"LockReason": {"LockReason": "financial"}}, ("financial",), id="one object in place of a list"),
        pytest.param({"LockReason": "financial"}, ("financial",), id="one object"),
        pytest.param("financial", ("financial",), id="one text"),
        pytest.param([{"LockReason": [{"LockReason": "financial"}]}], ("financial",), id="documented, in a list"),
        pytest.param(None, (), id="null"),
        pytest.param("", (), id="empty text"),
        pytest.param("  ", (), id="spaces"),
        pytest.param({}, (), id="empty object"),
        pytest.param([], (), id="empty list"),
        pytest.param({"LockReason": None}, (), id="null inside"),
        pytest.param({"LockReason": ""}, (), id="empty text inside"),
        pytest.param({"LockReason": {}}, (), id="empty object inside"),
        pytest.param({"LockReason": [{}]}, ("unspecified",), id="a lock that is an empty object"),
        pytest.param({"LockReason": [{"Remark": "x"}]}, ("unspecified",), id="a lock without the key"),
        pytest.param({"LockReason": [{"LockReason": ""}]}, ("unspecified",), id="a lock with an empty reason"),
        pytest.param({"LockReason": [{"LockReason": None}]}, ("unspecified",), id="a lock with no reason"),
        pytest.param([None], ("unspecified",), id="a lock that is null"),
        pytest.param([""], ("unspecified",), id="a lock that is an empty text"),
        pytest.param({"LockReason": [{"LockReason": " Financial\n"}]}, ("financial",), id="spaces and case"),
        pytest.param(["security", "financial", "FINANCIAL "], ("financial", "security"), id="two, one of them twice"),
        pytest.param([{}, "financial"], ("financial", "unspecified"), id="one named, one not"),
        pytest.param(["Über\tfällig"], ("über fällig",), id="a control character inside"),
        pytest.param(["a" * 200], ("a" * 64,), id="cut at the length of a label value"),
        pytest.param([f"{'a' * 63} {'b' * 20}"], ("a" * 63,), id="cut at a space"),
        pytest.param([f"{'a' * 64}{tail}" for tail in "xyz"], ("a" * 64,), id="alike once cut"),
        pytest.param(nested(6), ("financial",), id="as deep as accepted"),
        pytest.param(nested_objects(6), ("financial",), id="objects as deep as accepted"),
    ],
)
def test_every_form_of_a_lock_list_is_understood(locks: object, reasons: tuple[str, ...]) -> None:
    """A lock is seen in whatever form of list the vendor writes it; one that names no reason is `unspecified`."""
    assert reasons_in(locks) == reasons


def test_an_answer_without_the_field_names_no_lock() -> None:
    """The field may be missing altogether."""
    assert lock_reasons(AnswerFields({"InstanceId": "1883927335936173"}, None)) == ()


@pytest.mark.parametrize(
    ("locks", "seen"),
    [
        pytest.param(1, "OperationLocks: seen int 1", id="number"),
        pytest.param(0, "OperationLocks: seen int 0", id="zero"),
        pytest.param(False, "OperationLocks: seen bool False", id="boolean"),
        pytest.param([1.5], "OperationLocks: seen float 1.5", id="list of numbers"),
        pytest.param({"Locked": "yes"}, "OperationLocks: seen dict {'Locked': 'yes'}", id="object without the key"),
        pytest.param(
            {"LockReason": True}, "OperationLocks.LockReason: seen bool True", id="boolean in place of a list"
        ),
        pytest.param(
            {"LockReason": {"Remark": "x"}},
            "OperationLocks.LockReason: seen dict {'Remark': 'x'}",
            id="object without the key, inside",
        ),
        pytest.param(nested(7), "OperationLocks: seen list ['financial']", id="one level too deep"),
        pytest.param(
            nested_objects(7),
            f"{'.'.join(['OperationLocks', *['LockReason'] * 6])}: seen dict {{'LockReason': 'financial'}}",
            id="objects one level too deep",
        ),
        pytest.param(nested(900), "OperationLocks: seen list [[[[[[[...]]]]]]]", id="far too deep"),
    ],
)
def test_locks_that_make_no_sense_are_no_answer(locks: object, seen: str) -> None:
    """A service never looks healthy because its locks could not be read; the error says what was there."""
    with pytest.raises(MalformedReply) as caught:
        reasons_in(locks)

    assert caught.value.request_id == "request-1"
    assert caught.value.explanation == (
        f'{seen}; accepted would be an object such as {{"LockReason": [{{"LockReason": "financial"}}]}}'
    )
