"""The benchmarks' own machinery: what it says of findings, and that it measures the process that it should."""

import dataclasses
import importlib
import inspect
import sys
import time
from pathlib import Path

import pytest

from benchmarks import alert_delay, rules
from benchmarks.__main__ import BENCHMARKS
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.machine import Machine, this_machine
from benchmarks.processes import MeasuredProcess
from benchmarks.report import from_json, in_document, to_json, to_markdown, to_text
from benchmarks.rules import Evaluation
from benchmarks.series import differences, samples_of
from benchmarks.suite import run

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what is counted of a process comes from Linux")
DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
MACHINE = Machine(
    processor="Abacus 3",
    cores=2,
    memory_gib=23.6,
    kernel="Linux 6.1",
    python="3.11.7",
    libraries={"isal": "1.9.1"},
    date="2026-11-22",
    commit="0c0ffee",
)
QUICK = Claim(Figure("ours against theirs", 0.25, "", runs=9), Bound.AT_MOST, 0.5)
SLOW = Claim(Figure("start", 1.25, "s"), Bound.AT_MOST, 1.0)
FINDING = Finding(
    "scrape",
    figures=(
        Figure("time", 12.34, "ms", runs=9, of="ours"),
        Figure("CPU", 10, "ms", runs=9, of="ours"),
        Figure("time", 1234.5, "ms", runs=9, of="theirs"),
        Figure("page", 39, "MB"),
    ),
    claims=(QUICK, SLOW),
    notes=("Go was left out: there is none here.",),
)


def test_a_finding_is_a_table_of_what_was_compared_then_figures_claims_and_notes() -> None:
    """People see what was compared side by side, what was promised, and what they must know to read it."""
    assert to_text(FINDING) == (
        "scrape\n"
        "\n"
        "of      time (ms)  CPU (ms)  runs\n"
        "ours         12.3        10     9\n"
        "theirs      1,234               9\n"
        "\n"
        "measured  found  runs\n"
        "page      39 MB     1\n"
        "\n"
        "claim                 found  promised\n"
        "ours against theirs    0.25  at most 0.5  holds\n"
        "start                1.25 s  at most 1 s  DOES NOT HOLD\n"
        "  Go was left out: there is none here.\n"
    )


def test_a_document_has_the_same_tables_and_names_the_machine() -> None:
    """The tables of the document say where and when they were measured."""
    assert to_markdown(FINDING, MACHINE) == (
        "2026-11-22, commit 0c0ffee: Abacus 3, 2 cores, 24 GiB, Linux 6.1, Python 3.11.7; isal 1.9.1\n"
        "\n"
        "| of | time (ms) | CPU (ms) | runs |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| ours | 12.3 | 10 | 9 |\n"
        "| theirs | 1,234 |  | 9 |\n"
        "\n"
        "| measured | found | runs |\n"
        "| --- | ---: | ---: |\n"
        "| page | 39 MB | 1 |\n"
        "\n"
        "| claim | found | promised |  |\n"
        "| --- | ---: | --- | --- |\n"
        "| ours against theirs | 0.25 | at most 0.5 | holds |\n"
        "| start | 1.25 s | at most 1 s | DOES NOT HOLD |\n"
        "\n"
        "- Go was left out: there is none here.\n"
    )


def test_a_document_has_the_rows_that_say_enough() -> None:
    """Single figures and claims stay; the terminal and the JSON file have all rows."""
    brief = dataclasses.replace(FINDING, in_brief=("theirs",))
    document = to_markdown(brief, MACHINE)
    assert "| theirs | 1,234 | 9 |" in document
    assert "| ours |" not in document
    assert "| page |" in document
    assert to_text(brief) == to_text(FINDING)
    assert from_json(to_json([brief], MACHINE)) == ((brief,), MACHINE)


def test_what_was_written_as_json_is_read_as_the_same() -> None:
    """Tables can be written later, from the file of a run."""
    assert from_json(to_json([FINDING], MACHINE)) == ((FINDING,), MACHINE)


def test_a_finding_replaces_the_one_before_between_its_marks() -> None:
    """What people wrote around a table stays, and writing it twice changes nothing."""
    document = "# Ours\n<!-- scrape: found by make bench -->\nof yesterday\n<!-- scrape: end -->\nWhat we learned.\n"

    written = in_document(document, FINDING, MACHINE)

    assert written.startswith("# Ours\n<!-- scrape: found by make bench -->\n\n2026-11-22, commit 0c0ffee: Abacus 3")
    assert written.endswith("- Go was left out: there is none here.\n\n<!-- scrape: end -->\nWhat we learned.\n")
    assert "yesterday" not in written
    assert in_document(written, FINDING, MACHINE) == written


def test_a_document_without_the_marks_is_refused() -> None:
    """A finding without a place in the document is an error."""
    with pytest.raises(ValueError, match="no place for scrape"):
        in_document("# Ours\n", FINDING, MACHINE)


def test_a_run_says_and_keeps_every_finding(tmp_path: Path) -> None:
    """All is well when every claim holds; the file has what was said."""
    said: list[str] = []
    good = Finding("good", (), (QUICK,))

    assert run({"good": lambda: good}, machine=MACHINE, results=tmp_path / "bench.json", say=said.append)

    assert said == [f"{MACHINE}\n", to_text(good)]
    assert from_json((tmp_path / "bench.json").read_text(encoding="utf-8")) == ((good,), MACHINE)


def test_a_claim_that_does_not_hold_fails_the_run() -> None:
    """One broken promise is enough, though others hold after it."""
    findings = {"slow": lambda: FINDING, "good": lambda: Finding("good", (), (QUICK,))}

    assert not run(findings, machine=MACHINE, results=None, say=lambda _: None)


def test_a_benchmark_that_breaks_fails_the_run_and_leaves_the_others(tmp_path: Path) -> None:
    """A benchmark that fails is printed with its traceback; the findings of the others are kept."""
    said: list[str] = []

    def broken() -> Finding:
        message = "no such server"
        raise RuntimeError(message)

    findings = {"broken": broken, "good": lambda: Finding("good", (), (QUICK,))}

    assert not run(findings, machine=MACHINE, results=tmp_path / "bench.json", say=said.append)

    assert "RuntimeError: no such server" in said[1]
    assert from_json((tmp_path / "bench.json").read_text(encoding="utf-8"))[0][0].benchmark == "good"


def test_every_benchmark_can_be_run_and_has_its_place_in_the_document() -> None:
    """The tables of a whole run can be written by one command."""
    document = DOCUMENT.read_text(encoding="utf-8")
    for name in BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name}")
        assert inspect.signature(module.measure).return_annotation == "Finding"
        document = in_document(document, Finding(name, (Figure("time", 1, "s"),)), MACHINE)


@ON_LINUX
def test_this_machine_can_be_named() -> None:
    """The kernel and the libraries say what figures were measured on."""
    machine = this_machine()

    assert machine.cores >= 1
    assert machine.memory_gib > 0
    assert machine.libraries["isal"]


@ON_LINUX
def test_a_process_is_measured_alone() -> None:
    """Its CPU, memory, threads and files are its own, and not those of the process that started it."""
    program = (
        "import time\n"
        "held = b'x' * 50_000_000\n"
        "files = [open('/dev/null') for _ in range(20)]\n"
        "until = time.process_time() + 0.2\n"
        "while time.process_time() < until: pass\n"
        "print('listening 127.0.0.1:1', flush=True)\n"
        "time.sleep(60)\n"
    )
    with MeasuredProcess([sys.executable, "-c", program]) as process:
        assert process.address() == "127.0.0.1:1"
        assert 0.2 <= process.cpu_s() < time.monotonic() - process.started_s
        assert 50 < process.rss_mb() <= process.peak_rss_mb() < 200
        assert process.threads() == 1
        assert 23 <= process.files() < 40


@ON_LINUX
def test_a_process_that_ends_is_told_with_its_output() -> None:
    """The error about an address that never came has the output of the process."""
    process = MeasuredProcess([sys.executable, "-c", "raise SystemExit('no port to be had')"])
    with process, pytest.raises(RuntimeError, match="no port to be had"):
        process.address()


def test_pages_of_different_series_are_told_apart() -> None:
    """Another value, and a series that one of them lacks; what changes at every moment is no difference."""
    ours = samples_of('a{b="c"} 1\nd 2\nprocess_cpu_seconds_total 5\n')

    assert differences(ours, samples_of('d 2\na{b="c"} 1\nprocess_cpu_seconds_total 6\n')) == []
    assert differences(ours, samples_of('a{b="c"} 3\n')) == [
        "a{'b': 'c'}: 1 and 3",
        "d{}: 2 and None",
        "process_cpu_seconds_total{}: 0.0 and None",
    ]


OF_A_GROUP = """
prometheus_rule_evaluation_failures_total{{rule_group="/rules.yaml;dcdn-service"}} {failures}
prometheus_rule_group_interval_seconds{{rule_group="/rules.yaml;dcdn-service"}} 15
prometheus_rule_group_last_duration_seconds{{rule_group="/rules.yaml;dcdn-service"}} {seconds}
prometheus_rule_group_last_evaluation_timestamp_seconds{{rule_group="/rules.yaml;dcdn-service"}} 1.8e+09
prometheus_rule_group_rules{{rule_group="/rules.yaml;dcdn-service"}} 3
prometheus_ready 1
"""


def test_evaluations_are_read_from_the_metrics_of_prometheus() -> None:
    """Each group's last one, with its interval; a group may yet have none."""
    evaluated = OF_A_GROUP.format(failures=0, seconds=1.5)

    assert rules.evaluations(evaluated) == [Evaluation("dcdn-service", 1_800_000_000, 1.5, 15)]
    assert rules.evaluations(OF_A_GROUP.format(failures=0, seconds=0)) == []


def test_a_rule_that_fails_is_no_quick_rule() -> None:
    """What Prometheus gave up soon must not make an evaluation look short."""
    with pytest.raises(RuntimeError, match="dcdn-service: 2 evaluations of rules failed"):
        rules.evaluations(OF_A_GROUP.format(failures=2, seconds=0.1))


def test_delays_of_alerts_are_left_out_where_alertmanager_is_not_installed() -> None:
    """There is a note and no claim, so that the other benchmarks decide."""
    finding = alert_delay.measure(find=lambda name: name if name == "prometheus" else None)

    assert (finding.figures, finding.claims) == ((), ())
    packages = "prometheus prometheus-alertmanager"
    assert finding.notes == (
        f"Left out: it needs prometheus and prometheus-alertmanager (Debian: apt install {packages}).",
    )


def test_rules_are_left_out_where_prometheus_is_not_installed() -> None:
    """There is a note and no claim, so that the other benchmarks decide."""
    finding = rules.measure(find=lambda _name: None)

    assert (finding.figures, finding.claims) == ((), ())
    assert finding.notes == ("Left out: it needs prometheus (Debian: apt install prometheus).",)
