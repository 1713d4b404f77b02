import codecs
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic
import pytest

from exporter.config import (
    Configuration,
    ConfigurationError,
    DefaultCredentials,
    Vocabulary,
    load,
    parse,
    summary,
    without_file,
)

Configure = Callable[[str], Configuration]


def test_without_a_file_one_default_account_is_polled(vocabulary: Vocabulary) -> None:
    """It is named `default` and uses the vendor's default credential chain."""
    (account,) = without_file(vocabulary=vocabulary).accounts
    assert (account.name, account.site, account.products) == ("default", "china", ("dcdn_ipa",))
    assert account.credentials == DefaultCredentials()


def test_without_a_file_everything_else_is_as_in_the_shortest_file(
    configure: Configure, vocabulary: Vocabulary
) -> None:
    """Leaving the file out changes nothing but where the account's name comes from."""
    assert without_file(vocabulary=vocabulary) == configure("accounts: [{name: default}]")


def test_accounts_without_products_get_those_of_the_file(vocabulary: Vocabulary) -> None:
    """Products of an account's own win; the file has the first one where it names none."""
    letters = replace(vocabulary, products=("a", "b", "c"), switch_products={}, operations={})
    accounts = "accounts: [{name: one}, {name: two, products: [c]}]"
    found = parse(f"products: [b, a]\n{accounts}", source="dcdn.yaml", vocabulary=letters)
    assert [account.products for account in found.accounts] == [("b", "a"), ("c",)]
    assert parse(accounts, source="dcdn.yaml", vocabulary=letters).products == ("a",)


def test_each_account_polls_what_it_says_else_what_the_file_says(configure: Configure) -> None:
    """An account may also say no where the file says yes."""
    found = configure("""
        products: [cdn, dcdn]
        debt_status: true
        balance: false
        accounts:
          - {name: one}
          - {name: two, products: [dcdn_ipa, dcdn, cdn], debt_status: false, balance: true}
        """)
    assert [(account.products, account.switches) for account in found.accounts] == [
        (("cdn", "dcdn"), {"debt_status": True, "balance": False}),
        (("dcdn_ipa", "dcdn", "cdn"), {"debt_status": False, "balance": True}),
    ]


def test_a_switch_is_known_by_the_vocabulary_alone(vocabulary: Vocabulary) -> None:
    """Another one is a key at all three places, off unless given, and one to be meant by a slip."""
    more = replace(vocabulary, switches={**vocabulary.switches, "certificates": "Also poll certificates."})
    text = """
        certificates: true
        accounts: [{name: a}, {name: b, certificates: false}]
        discovery: {resource_directories: [{name: d, role_name: r, certificates: false}]}
        """
    found = parse(text, source="dcdn.yaml", vocabulary=more)
    (directory,) = found.discovery.resource_directories
    switches = [found.switches, *(account.switches for account in found.accounts), directory.switches]
    assert [each["certificates"] for each in switches] == [True, True, False, False]
    assert parse("accounts: [{name: a}]", source="dcdn.yaml", vocabulary=more).switches["certificates"] is False
    with pytest.raises(ConfigurationError, match=r"certificate: unknown key; .*\(did you mean certificates\?\)"):
        parse("accounts: [{name: a, certificate: true}]", source="dcdn.yaml", vocabulary=more)


SOME = {"certificates": "Also poll certificates.", "balance": "Also poll the balance."}


@pytest.fixture
def of_some(vocabulary: Vocabulary) -> Vocabulary:
    """One with a switch for some products, and one for every account."""
    return replace(vocabulary, switches=SOME, switch_products={"certificates": ("dcdn", "cdn")})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("certificates: true\naccounts: [{name: a}]", id="at the top"),
        pytest.param("accounts: [{name: a, certificates: false}]", id="off"),
        pytest.param("accounts: [{name: a, balance: true}]", id="one of every account"),
        pytest.param("accounts: [{name: a, products: [dcdn_ipa, cdn], certificates: true}]", id="one product fits"),
        pytest.param("products: [cdn]\naccounts: [{name: a, certificates: true}]", id="one of the file fits"),
    ],
)
def test_a_switch_may_fit_some_product_of_its_account(of_some: Vocabulary, text: str) -> None:
    """At the top it need not: that holds for accounts with other products too."""
    assert parse(text, source="dcdn.yaml", vocabulary=of_some).accounts[0].name == "a"


def test_a_switch_that_fits_no_product_of_its_account_is_a_problem(of_some: Vocabulary) -> None:
    """What nothing would be polled for is a slip, in each section that turns it on."""
    text = """
        products: [cdn]
        discovery: {resource_directories: [{name: d, role_name: r, products: [dcdn_ipa], certificates: true}]}
        accounts:
          - {name: a, certificates: true}
          - {name: b, products: [dcdn_ipa], certificates: true}
        """
    with pytest.raises(ConfigurationError) as refused:
        parse(text, source="dcdn.yaml", vocabulary=of_some)

    sentence = "certificates: this is for dcdn, cdn; the products here are dcdn_ipa"
    assert str(refused.value).split("\n") == [
        f"dcdn.yaml:3: discovery.resource_directories[0].{sentence}",
        f"dcdn.yaml:6: accounts[1].{sentence}",
    ]


def test_what_the_models_call_switches_is_no_key_of_the_file(refused: Callable[[str], list[str]]) -> None:
    """Neither by its name there nor by that of the field."""
    assert refused('accounts: [{name: a, "(switches)": {balance: true}}]')[0].startswith(
        "1: accounts[0]: unknown key; use one of balance, debt_status"
    )
    (problem,) = refused("accounts: [{name: a, switches: {balance: true}}]")
    assert problem.startswith("1: accounts[0].switches: unknown key; ")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"products": ()}, id="no product"),
        pytest.param({"products": ("a", "a")}, id="a product twice"),
        pytest.param({"products": ("a b",)}, id="no key"),
        pytest.param({"switches": {"dcdn": "Also poll."}}, id="a switch called like a product"),
        pytest.param({"switches": {"balance": ""}}, id="no sentence"),
        pytest.param({"switch_products": {"debts": ("cdn",)}}, id="products of no switch"),
        pytest.param({"switch_products": {"debt_status": ("moon",)}}, id="a switch of no product"),
        pytest.param({"vendor_limits": {"DescribeDcdnIpaService": 0}}, id="no call"),
        pytest.param({"operations": {"Describe": ("cdn", None)}}, id="an operation without a limit"),
        pytest.param({"operations": {"AssumeRole": ("moon", None)}}, id="an operation of no product"),
        pytest.param({"operations": {"AssumeRole": ("cdn", "debts")}}, id="an operation of no switch"),
        pytest.param({"forbidden_labels": frozenset({"a-b"})}, id="no label"),
    ],
)
def test_a_vocabulary_makes_sense(vocabulary: Vocabulary, wrong: dict[str, Any]) -> None:
    """What no file could say is refused when it is made."""
    with pytest.raises(ValueError, match="not a vocabulary"):
        replace(vocabulary, **wrong)


def test_every_value_of_an_account_arrives(configure: Configure) -> None:
    """Anchors and aliases may save some typing."""
    found = configure("""
        accounts:
          - {name: 视频 prod, site: international, labels: &labels {team: video}, account_id: "0012"}
          - {name: shop, labels: *labels, account_id: !!str 12}
        """)
    assert [(account.name, account.site, dict(account.labels), account.account_id) for account in found.accounts] == [
        ("视频 prod", "international", {"team": "video"}, "0012"),
        ("shop", "china", {"team": "video"}, "12"),
    ]


def test_a_configuration_cannot_be_changed(configure: Configure) -> None:
    """Neither its fields nor what they hold: threads share it."""
    found = configure("accounts: [{name: a, labels: {team: video}}]\nrate_limit: {calls_per_second: {AssumeRole: 5}}")
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        found.poll.interval_s = 1.0
    for mapping in (found.accounts[0].labels, found.rate_limit.calls_per_second):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["team"] = "none"  # type: ignore[index]


def test_accounts_with_the_same_keys_share_what_tells_them(configure: Configure) -> None:
    """The set of given keys, of which pydantic makes one for each section, is one for thousands of accounts."""
    one, other, third = configure("""
        accounts:
          - {name: a, credentials: &key {type: access_key, access_key_id: LTAI5tExample, access_key_secret: made-up}}
          - {name: b, credentials: *key}
          - {name: c}
        """).accounts

    assert one.model_fields_set is other.model_fields_set
    assert one.credentials.model_fields_set is other.credentials.model_fields_set
    assert "credentials" in one.model_fields_set - third.model_fields_set


@pytest.mark.parametrize(
    ("rate_limit", "allowance"),
    [
        pytest.param("{}", 20, id="the-vendors"),
        pytest.param("{share: 0.5}", 10, id="half"),
        pytest.param("{share: 0.13}", 2, id="whole-calls"),
        pytest.param("{share: 0.05}", 1, id="least"),
        pytest.param("{share: 1}", 20, id="whole-number"),
        pytest.param("{calls_per_second: {DescribeDcdnIpaService: 5}}", 5, id="lower-limit"),
        pytest.param("{share: 0.5, calls_per_second: {DescribeDcdnIpaService: 5}}", 2, id="share-of-a-lower-limit"),
        pytest.param("{share: 0.5, calls_per_second: {DescribeDcdnIpaService: 0.5}}", 0.25, id="less-than-one-call"),
    ],
)
def test_a_replica_takes_its_share_of_the_limit(configure: Configure, rate_limit: str, allowance: float) -> None:
    """In whole calls, unless the file itself leaves less than one."""
    found = configure(f"rate_limit: {rate_limit}\naccounts: [{{name: a}}]").rate_limit
    assert found.allowance("DescribeDcdnIpaService", vendor_limit=20) == allowance


def test_a_share_of_one_nth_leaves_n_calls_one(vocabulary: Vocabulary) -> None:
    """Also where the product of the two is a hair below 1 among floats."""
    text = f"rate_limit: {{share: {1 / 49:.17f}}}\naccounts: [{{name: a}}]"
    rare = replace(vocabulary, vendor_limits={"Rare": 49}, operations={"Rare": ("dcdn_ipa", None)})
    found = parse(text, source="dcdn.yaml", vocabulary=rare)
    assert found.rate_limit.allowance("Rare", vendor_limit=49) == 1


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("https://dcdn.aliyuncs.com", id="name"),
        pytest.param("https://dcdn-vpc.cn-hangzhou.aliyuncs.com:8443", id="port"),
        pytest.param("https://10.0.0.1", id="ipv4"),
        pytest.param("https://[2001:db8::1]:443", id="ipv6"),
        pytest.param("http://127.0.0.1:10521", id="loopback"),
        pytest.param("http://127.8.9.10", id="loopback-network"),
        pytest.param("http://localhost:1", id="localhost"),
        pytest.param("http://[::1]:65535", id="loopback-ipv6"),
    ],
)
def test_endpoints_are_a_scheme_a_host_and_a_port(configure: Configure, address: str) -> None:
    """They are kept as written; those not given are left to the vendor's."""
    found = configure(f'accounts: [{{name: a}}]\nendpoints: {{dcdn: "{address}"}}').endpoints
    assert found.model_dump() == {
        "dcdn": address,
        "cdn": None,
        "sts": None,
        "resource_directory": None,
        "bss": None,
        "esa": None,
    }


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("dcdn.aliyuncs.com", id="no-scheme"),
        pytest.param("HTTPS://dcdn.aliyuncs.com", id="capitals"),
        pytest.param("ftp://127.0.0.1", id="other-scheme"),
        pytest.param("http://10.0.0.1", id="plain-http-elsewhere"),
        pytest.param("http://127.0.0.1.example.com", id="plain-http-to-a-lookalike"),
        pytest.param("http://localhost.example.com", id="plain-http-to-another-lookalike"),
        pytest.param("http://[2001:db8::1]", id="plain-http-ipv6"),
        pytest.param("https://", id="no-host"),
        pytest.param("https://a..b", id="empty-label"),
        pytest.param("https://[abcd]", id="no-ipv6"),
        pytest.param("https://[127.0.0.1]", id="ipv4-in-brackets"),
        pytest.param("https://host:0", id="port-zero"),
        pytest.param("https://host:65536", id="port-high"),
        pytest.param("https://host:", id="port-empty"),
        pytest.param("https://host/path", id="path"),
        pytest.param("https://host?a=b", id="query"),
        pytest.param("https://host#a", id="fragment"),
        pytest.param("https://user@host", id="user"),
        pytest.param("https://ho st", id="space"),
        pytest.param("https://host\\n", id="newline"),
        pytest.param("https://127.0.0.1\\\\@host", id="backslash"),
    ],
)
def test_other_addresses_are_no_endpoints(refused: Callable[[str], list[str]], address: str) -> None:
    """Requests are signed for a host: there must be no doubt which."""
    (problem,) = refused(f'accounts: [{{name: a}}]\nendpoints: {{dcdn: "{address}"}}')
    assert problem.startswith("2: endpoints.dcdn: seen ")


def test_a_file_is_read_as_utf_8(tmp_path: Path, vocabulary: Vocabulary) -> None:
    """With or without the mark that some editors put at its start."""
    file = tmp_path / "dcdn.yaml"
    file.write_bytes("accounts: [{name: 视频}]".encode("utf-8-sig"))
    assert load(file, vocabulary=vocabulary).accounts[0].name == "视频"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            b"accounts:\n- name: \xff",
            ":2: (top level): the byte FF at column 9 is not UTF-8; save the file as UTF-8",
            id="encoding",
        ),
        pytest.param(
            codecs.BOM_UTF8 + "accounts:\n- {name: 视频".encode() + b"\xca\xd3}",
            ":2: (top level): the byte CA at column 12 is not UTF-8; save the file as UTF-8",
            id="encoding-behind-a-mark",
        ),
        pytest.param(
            "accounts: []".encode("utf-16"),
            ":1: (top level): the file is UTF-16 or UTF-32; save it as UTF-8",
            id="utf-16",
        ),
        pytest.param(
            "accounts: []".encode("utf-16-be"),
            ":1: (top level): the character U+0000 at column 1 is not allowed in the file; "
            "remove it, or save the file as UTF-8 if it is UTF-16",
            id="utf-16-without-a-mark",
        ),
        pytest.param(
            "accounts: []\n\ufeffpoll: {}".encode(),
            ":2: (top level): the character U+FEFF at column 1 is not allowed in the file; remove it",
            id="mark-inside",
        ),
        pytest.param(
            b"#" * (16 * 1024 * 1024 + 1),
            ": the file is larger than 16 MiB, the most that is read",
            id="size",
        ),
        pytest.param(
            b"",
            ":1: accounts: no account is named; name one here or a directory in discovery.resource_directories",
            id="empty",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem_like_others(
    tmp_path: Path,
    vocabulary: Vocabulary,
    content: bytes,
    problem: str,
) -> None:
    """It names the file and says what to do."""
    file = tmp_path / "dcdn.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(file, vocabulary=vocabulary)
    assert str(caught.value) == f"{file}{problem}"
    assert caught.value.source == str(file)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("missing.yaml", "no such file or directory", id="missing"),
        pytest.param(".", "is a directory", id="directory"),
    ],
)
def test_no_file_is_a_problem_too(tmp_path: Path, vocabulary: Vocabulary, name: str, reason: str) -> None:
    """The reason is the system's."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / name, vocabulary=vocabulary)
    assert str(caught.value) == f"{tmp_path / name}: the file cannot be read: {reason}"


def test_the_summary_says_what_will_be_done(configure: Configure, vocabulary: Vocabulary) -> None:
    """In a few lines, without secrets."""
    found = configure("""
        poll: {interval: 5m}
        rate_limit: {share: 0.5, calls_per_second: {AssumeRole: 2.5}}
        accounts:
          - {name: prod, account_id: "12", products: [dcdn_ipa, cdn], balance: true}
          - name: shop
            site: international
            debt_status: true
            credentials: {type: access_key, access_key_id: LTAI, access_key_secret: hunter2}
          - name: member
            credentials: {type: ram_role, role_arn: "acs:ram::34:role/r", source: {type: ecs_ram_role}}
        discovery:
          resource_directories:
            - {name: main, role_name: DcdnReader, include: ["prod-.*"], exclude: [a, b], balance: true}
            - {name: other, role_name: r, site: international, refresh_interval: 1h, external_id: hunter2}
        endpoints: {sts: "http://127.0.0.1:10521"}
        """)
    assert summary(found, vocabulary).split("\n") == [
        "3 accounts",
        "  prod (china, 12): dcdn_ipa, cdn + balance; credentials: default",
        "  shop (international): dcdn_ipa + debt status; credentials: access_key",
        "  member (china, 34): dcdn_ipa; credentials: ram_role from ecs_ram_role",
        "2 resource directories",
        (
            "  main (china): dcdn_ipa + balance; role DcdnReader of each member, 1 pattern to include, "
            "2 patterns to exclude; listed every 10m; credentials: default"
        ),
        "  other (international): dcdn_ipa; role r of each member; listed every 1h; credentials: default",
        "polled every 5m",
        "  while locked every 15s",
        "  while failing at least every 5m",
        "balances every 5m",
        "one call takes at most 10s; 128 calls at a time",
        "answers are stale after 15m",
        "share of the vendor's limits: 0.5",
        "  AssumeRole: at most 2.5 calls a second",
        "endpoint of sts: http://127.0.0.1:10521",
    ]


def test_the_summary_of_one_of_each_is_singular(configure: Configure, vocabulary: Vocabulary) -> None:
    """Words fit their numbers."""
    lines = summary(
        configure("""
        poll: {max_workers: 1}
        rate_limit: {calls_per_second: {AssumeRole: 1}}
        accounts: [{name: prod}]
        discovery: {resource_directories: [{name: main, role_name: r, include: [a]}]}
        """),
        vocabulary,
    ).split("\n")

    assert lines[0] == "1 account"
    assert lines[2] == "1 resource directory"
    assert "1 pattern to include" in lines[3]
    assert "one call takes at most 10s; 1 call at a time" in lines
    assert "  AssumeRole: at most 1 call a second" in lines


def test_the_summary_of_many_accounts_stays_short(configure: Configure, vocabulary: Vocabulary) -> None:
    """Twenty are named, the rest are counted."""
    many = configure("accounts:\n" + "".join(f"- name: a{n}\n" for n in range(25)))
    lines = summary(many, vocabulary).split("\n")
    assert [lines[0], lines[20], lines[21]] == [
        "25 accounts",
        "  a19 (china): dcdn_ipa; credentials: default",
        "  and 5 more",
    ]


def test_a_name_that_cannot_be_written_is_refused(refused: Callable[[str], list[str]]) -> None:
    """Half a character would break every scrape."""
    assert len(refused('accounts: [{name: "\\ud800"}]')) == 1


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(f"name: {'x' * 64}", id="name"),
        pytest.param(f'name: a, account_id: "{"1" * 32}"', id="account-id"),
        pytest.param(f"name: a, labels: {{team: {'x' * 128}}}", id="label-value"),
        pytest.param(f"name: a, labels: {{{', '.join(f'_{n}: x' for n in range(8))}}}", id="labels"),
        pytest.param(
            f"name: a, credentials: {{type: access_key, access_key_id: {'x' * 128}, access_key_secret: x}}",
            id="access-key-id",
        ),
    ],
)
def test_the_longest_values_of_an_account_are_accepted(configure: Configure, account: str) -> None:
    """The bounds belong to what is accepted."""
    assert len(configure(f"accounts: [{{{account}}}]").accounts) == 1


@pytest.mark.parametrize(
    ("account", "path"),
    [
        pytest.param(f"name: {'x' * 65}", "name", id="name"),
        pytest.param(f'name: a, account_id: "{"1" * 33}"', "account_id", id="account-id"),
        pytest.param(f"name: a, labels: {{team: {'x' * 129}}}", "labels.team", id="label-value"),
        pytest.param(f"name: a, labels: {{{', '.join(f'_{n}: x' for n in range(9))}}}", "labels", id="labels"),
        pytest.param(
            f"name: a, credentials: {{type: access_key, access_key_id: {'x' * 129}, access_key_secret: x}}",
            "credentials.access_key_id",
            id="access-key-id",
        ),
    ],
)
def test_longer_values_of_an_account_are_refused(
    refused: Callable[[str], list[str]], account: str, path: str
) -> None:
    """Each with one problem at its place."""
    (problem,) = refused(f"accounts: [{{{account}}}]")
    assert problem.startswith(f"1: accounts[0].{path}: seen ")


def test_a_named_pipe_is_no_file_to_wait_for(tmp_path: Path, vocabulary: Vocabulary) -> None:
    """A pipe that no process writes to is empty at once, and has the error of an empty file."""
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    with pytest.raises(ConfigurationError, match="accounts: no account is named"):
        load(pipe, vocabulary=vocabulary)


def test_a_pipe_that_somebody_writes_is_read_whole(vocabulary: Vocabulary) -> None:
    """The output of another program can be the configuration, as a shell's process substitution gives it."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "w") as pipe:
            pipe.write("accounts:\n")
            pipe.flush()
            pipe.write("".join(f"- {{name: a{number}}}\n" for number in range(5000)))

    writer = threading.Thread(target=write)
    writer.start()
    configuration = load(Path(f"/dev/fd/{reading}"), vocabulary=vocabulary)
    writer.join()
    os.close(reading)

    assert len(configuration.accounts) == 5000


@pytest.mark.parametrize(
    "account",
    [
        pytest.param('name: "12345"', id="five digits"),
        pytest.param('name: "1883927335936173a"', id="a letter among them"),
        pytest.param('name: "١٢٣٤٥٦"', id="other digits"),
        pytest.param('name: "1883927335936173", account_id: "1883927335936173"', id="its own id"),
        pytest.param(
            'name: "100001", credentials: {type: ram_role, role_arn: "acs:ram::100001:role/r"}', id="that of its role"
        ),
    ],
)
def test_a_name_that_no_other_account_could_have_is_accepted(configure: Configure, account: str) -> None:
    """Members of resource directories are named by their ids."""
    assert len(configure(f"accounts: [{{{account}}}]").accounts) == 1


def test_a_name_like_an_id_is_no_problem_beside_wrong_credentials(refused: Callable[[str], list[str]]) -> None:
    """Once they are mended, they may say the id."""
    (problem,) = refused('accounts: [{name: "100001", credentials: {type: ram_role, role_arn: x}}]')
    assert problem.startswith("1: accounts[0].credentials.role_arn: ")


def test_a_role_of_another_account_is_told_once(refused: Callable[[str], list[str]]) -> None:
    """An id that contradicts the role is that problem alone, whatever the name says."""
    (problem,) = refused(
        'accounts: [{name: "100001", account_id: "100001", credentials: '
        '{type: ram_role, role_arn: "acs:ram::100002:role/r"}}]'
    )
    assert problem == (
        "1: accounts[0].account_id: account_id says 100001, but credentials.role_arn says 100002; make them the same"
    )
