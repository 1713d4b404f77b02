"""A scenario file that cannot be played is answered with every problem, its place, and what is accepted there."""

import traceback

import pytest

from exporter.simulator import ScenarioError, parse_scenario
from tests.simulator.scenarios import SCENARIO, error_of


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param("name: rel", "nmae: rel", "accounts[0].nmae: unknown key; use one of name, ", id="typo"),
        pytest.param(
            "  - name: released\n    account_id",
            "  - account_id",
            "accounts[0].name: this key is required",
            id="missing",
        ),
        pytest.param(
            "    security_token: made-up-too",
            "    access_key_id: LTAI5tTwice",
            "line 8: broken YAML (this key is set on line 6 already)",
            id="repeated key",
        ),
        pytest.param(
            "locks: []",
            "locks: [], locks: [x]",
            "line 18: broken YAML (this key is set on line 18 already)",
            id="repeated key deep inside",
        ),
        pytest.param(
            '"1000000000000002"',
            "1000000000000002",
            "accounts[0].account_id: seen 1000000000000002; accepted: a text, in quotes",
            id="id without quotes",
        ),
        pytest.param(
            "made-up\n",
            "12345\n",
            "accounts[0].access_key_secret: seen a value (not shown); accepted: a text",
            id="secret not shown",
        ),
        pytest.param("accounts:", "site: moon\naccounts:", "site: seen 'moon'; accepted: china, intern", id="site"),
        pytest.param("at: 30s", "at: 30", "accounts[0].timeline[1].at: seen 30; accepted: a duration", id="no unit"),
        pytest.param(
            "at: 30s", "at: soon", "accounts[0].timeline[1].at: seen 'soon'; accepted: a dur", id="no duration"
        ),
        pytest.param("at: 30s", "at: ''", "accounts[0].timeline[1].at: seen ''; accepted: a duration", id="empty"),
        pytest.param(
            "at: 30s",
            "at: 2m",
            "accounts[0]: timeline[2].at is 75 s; accepted: after the step before, 120 s",
            id="out of order",
        ),
        pytest.param(
            "3m", "1m", "accounts[0]: repeat_every is 60 s; accepted: after the last step, 90.5 s", id="short round"
        ),
        pytest.param("dcdn_ipa: {locks: []}", "ipa: {}", "[2].services.ipa: unknown key; use one of", id="product"),
        pytest.param(
            "locks: []", "locks: financial", "dcdn_ipa.locks: seen 'financial'; accepted: a list", id="locks"
        ),
        pytest.param("locks: []", "locks: [1]", "dcdn_ipa.locks[0]: seen 1; accepted: a text, in quotes", id="lock"),
        pytest.param("activated: false", "activated: maybe", "seen 'maybe'; accepted: true or false", id="flag"),
        pytest.param("in: 30s", "at: 30s", "dcdn_ipa.change.at: unknown key; use one of", id="change"),
        pytest.param("kind: latency", "kind: slow", "fault.kind: seen 'slow'; accepted: latency, reset", id="kind"),
        pytest.param(
            "seconds: 2",
            "seconds: 2, headers: [a]",
            "[1].fault.headers: seen a list; accepted: a mapping of names and their texts",
            id="headers",
        ),
        pytest.param(
            "seconds: 2", "seconds: 2, headers: {A: 6}", "fault.headers.A: seen 6; accepted: a t", id="header"
        ),
        pytest.param("seconds: 2", "seconds: 2s", "[1].fault.seconds: seen '2s'; accepted: a number", id="number"),
        pytest.param("seconds: 2", "times: 2", "[1].fault: a fault of kind latency needs seconds", id="bad fault"),
        pytest.param(
            "seconds: 2", "times: 1.5", "fault.times: seen 1.5; accepted: a whole number", id="whole number"
        ),
        pytest.param(
            "{locks: []}",
            "[]",
            "services.dcdn_ipa: seen an empty list; accepted: a mapping of activated",
            id="mapping",
        ),
        pytest.param(
            "services: {dcdn_ipa: {locks: []}}",
            "services: []",
            "[2].services: seen an empty list; accepted: a mapping of dcdn_ipa",
            id="no products",
        ),
        pytest.param(
            "fault: null",
            "members: [b]",
            "[3].members[0]: seen 'b'; accepted: a mapping of account_id",
            id="no member",
        ),
        pytest.param("fault: null", "debt: {ipa: {}}", "[3].debt.ipa: unknown key; use one of", id="debt of what"),
        pytest.param("fault: null", "debt: {cdn: {owed: 1}}", "debt.cdn.owed: unknown key; use one of", id="debt"),
        pytest.param(
            "fault: null", "debt: {cdn: {in_debt: 1}}", "in_debt: seen 1; accepted: true or", id="debt flag"
        ),
        pytest.param(
            "fault: null",
            "debt: {cdn: {in_debt: false, in_debt_overdue: true}}",
            "accounts[0].timeline[3].debt.cdn: in_debt is false and",
            id="debt against itself",
        ),
        pytest.param(
            "fault: null",
            "balance: {available_amount: 1.5}",
            "balance.available_amount: seen 1.5; accepted: a text, in quotes",
            id="amount without quotes",
        ),
        pytest.param(
            "fault: null",
            'balance: {available_amount: "1.5"}',
            "accounts[0].timeline[3].balance: available_amount is '1.5'; accepted: an amount",
            id="amount",
        ),
        pytest.param(
            "fault: null",
            "denied: [QueryAccountBalance, OpenDcdnService]",
            "accounts[0].timeline[3].denied[1]: seen 'OpenDcdnService'; accepted: DescribeDcdnIpaService, ",
            id="right",
        ),
        pytest.param(
            "repeat_every: 3m",
            "roles: [{name: r, trusted: [1]}]",
            "accounts[0].roles[0].trusted[0]: seen 1; accepted: a text, in quotes",
            id="trusted id without quotes",
        ),
        pytest.param(
            "repeat_every: 3m",
            'roles: [{name: r, trusted: ["1"]}, {name: s, trusted: [x]}]',
            "accounts[0].roles[1]: the role s trusts 'x'; accepted: an account id",
            id="trusted",
        ),
        pytest.param(
            "fault: null",
            'members: [{account_id: "1"}]',
            "accounts[0].timeline[3].members[0].display_name: this key is required",
            id="member without a name",
        ),
        pytest.param(
            "fault: null",
            'members: [{account_id: "1", display_name: x, status: Gone}]',
            "timeline[3].members[0]: the status of the member 1 is 'Gone'; accepted: CreateSuccess",
            id="member",
        ),
        pytest.param(
            "fault: null",
            'members: [{account_id: "1", display_name: x}, {account_id: "1", display_name: y}]',
            "accounts[0].timeline[3].members: members[0] and members[1] have the account_id '1'",
            id="member twice",
        ),
        pytest.param(
            "repeat_every: 3m", "products: [ipa]", "products[0]: seen 'ipa'; accepted: dcdn_ipa, d", id="watch"
        ),
        pytest.param(
            "repeat_every: 3m", "products: []", "accounts[0]: products is empty; accepted: some", id="nothing"
        ),
        pytest.param(
            "repeat_every: 3m", "balance: 5", "accounts[0].balance: seen 5; accepted: true", id="watch what"
        ),
        pytest.param(
            "seconds: 2",
            "seconds: 2, action: AsumeRole",
            "[1].fault: the action of a fault is 'AsumeRole'; accepted: DescribeDcdnIpaService, ",
            id="fault of nothing",
        ),
        pytest.param("accounts:", "accounts: [", "line 4: broken YAML (while parsing a flow", id="no YAML"),
    ],
)
def test_a_problem_names_its_path_and_what_is_accepted(old: str, new: str, problem: str) -> None:
    """Every problem names the path of keys, what was seen and what is accepted."""
    assert problem in str(error_of(old, new))


BOMB = "\n".join(["a0: &a0 [1]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "the file: seen nothing; accepted: a mapping of description, accounts", id="empty"),
        pytest.param("[]", "the file: seen an empty list; accepted: a mapping of description, accounts", id="list"),
        pytest.param("description: d", "accounts: this key is required", id="no accounts"),
        pytest.param(
            "description: d\naccounts: []",
            "the file: a scenario has at least one account; accounts is empty",
            id="none",
        ),
        pytest.param("x: " + "[" * 5000, "line 1: broken YAML (values are nested deeper than 32 levels", id="deep"),
        pytest.param(
            "description: &a [*a]", "line 1: broken YAML (an alias stands for a value that contains it", id="endless"
        ),
        pytest.param(
            BOMB,
            "line 7: broken YAML (more than 1000000 values, each counted as often as aliases repeat it",
            id="alias bomb",
        ),
        pytest.param('description: "\\ud800"', "line 1: broken YAML (half of a character", id="half a character"),
        pytest.param('"\\udc00": 1', "line 1: broken YAML (half of a character", id="half a character as a key"),
        pytest.param(
            'a: 1\ndescription: "\\U0011ffff"',
            "line 2: broken YAML (an escape of a character that",
            id="no character",
        ),
        pytest.param(
            "description: " + "9" * 5000, "line 1: broken YAML (a number that cannot be read", id="an endless number"
        ),
        pytest.param("a: 1\n---\nb: 2", "line 2: broken YAML (expected a single document", id="two documents"),
    ],
)
def test_a_file_that_is_no_scenario(text: str, problem: str) -> None:
    """A file that is no scenario at all is refused as such."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("access_key_secret: !!bool {}", id="a tag that does not fit"),
        pytest.param("access_key_secret: !!int {}", id="another"),
        pytest.param("access_key_secret: !!timestamp {}", id="a third"),
        pytest.param("access_key_secret: !{} x", id="as a tag"),
        pytest.param("access_key_secret: *{}", id="as an alias"),
        pytest.param("{}", id="the whole file"),
        pytest.param("{0}: 1\n{0}: 2", id="a key twice"),
    ],
)
def test_what_may_be_a_secret_is_not_shown(text: str) -> None:
    """Wherever it stands by mistake; the error says what is wrong, and is no traceback."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text.format("hunter2secret"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("duration", ["9" * 400 + "s", "9" * 5000 + "s", "99999999999h"])
def test_a_duration_longer_than_ten_years_is_refused(duration: str) -> None:
    """No calendar has such a moment."""
    text = f"""
        description: d
        accounts:
          - {{name: a, account_id: "1", access_key_id: k, access_key_secret: s, timeline: [{{at: {duration}}}]}}
    """
    with pytest.raises(ScenarioError, match="accepted: a duration such as 90s, 1m30s or 500ms, of ten years at most"):
        parse_scenario(text)


def test_every_problem_is_told_at_once() -> None:
    """One mistake does not hide another: not of an account, nor of a step, nor of the same mapping."""
    text = """
        description: d
        accounts:
          - {nmae: a, account_id: 1, access_key_id: k, access_key_secret: s, timeline: []}
          - {name: b, account_id: "1", access_key_id: l, access_key_secret: s,
             timeline: [{at: 0}, {at: 1s, fault: {kind: x}},
               {at: 2s, fault: {kind: error, status: 99}}]}
          - {name: c, account_id: "1", access_key_id: m, access_key_secret: s, timeline: [], repeat_every: 0s}
    """
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    assert [problem.partition(" is ")[0].partition("; ")[0] for problem in caught.value.problems] == [
        "line 4: accounts[0].name: this key",
        "line 4: accounts[0].account_id: seen 1",
        "line 4: accounts[0].nmae: unknown key",
        "line 6: accounts[1].timeline[0].at: seen 0",
        "line 6: accounts[1].timeline[1].fault.kind: seen 'x'",
        "line 7: accounts[1].timeline[2].fault: a fault of kind error needs code",
        "line 7: accounts[1].timeline[2].fault: status",
        "line 8: accounts[2]: timeline",
        "line 8: accounts[2]: repeat_every",
    ]


def test_a_debt_against_an_earlier_step_names_the_step() -> None:
    """What a step leaves as it was has to make sense with what it names."""
    text = SCENARIO.replace("        fault: null", "        debt: {cdn: {in_debt_overdue: true}}").replace(
        "        announce: healthy", "        debt: {cdn: {in_debt: false}}"
    )
    with pytest.raises(
        ScenarioError, match=r"^line 4: accounts\[0\]: timeline\[3\]: in_debt is false and in_debt_overdue"
    ):
        parse_scenario(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("made-up-too", "[hunter2]", id="list"),
        pytest.param("made-up-too", "{hunter2: 1}", id="mapping"),
        pytest.param("made-up-too", "'hunter2", id="quote that does not end"),
        pytest.param("accounts:\n  - name", "accounts:\n    security_token: hunter2\n    name", id="no list"),
        pytest.param("timeline:\n", "timeline: {access_key_secret: hunter2}\n    roles:\n", id="mapping of one"),
    ],
)
def test_no_problem_shows_a_secret(old: str, new: str) -> None:
    """What stands in the place of a text, or is misplaced as a whole, is not repeated."""
    assert "hunter2" not in "".join(traceback.format_exception(error_of(old, new)))


def test_accounts_of_one_name_are_a_problem_of_the_file() -> None:
    """Problems between accounts are listed too."""
    one = '{name: a, account_id: "1", access_key_id: k, access_key_secret: s, timeline: [{at: 0s}]}'
    with pytest.raises(ScenarioError, match=r"the file: accounts\[0\] and accounts\[1\] have the name 'a'"):
        parse_scenario(f"description: d\naccounts: [{one}, {one}]")
