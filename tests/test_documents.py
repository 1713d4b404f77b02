"""The documents themselves: where their links lead, and whether the messages that they explain are the exporter's."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.probes.service_state import CHARGE_TYPES
from exporter.web.texts import load_texts
from tests.pages import CODE, LITERARY, MOST_WORDS, PAGES, ROOT, anchors

GLOSSARY = ROOT / "docs" / "glossary.md"
NOT_PLAIN_YET = {"alert-mutations", "licences"}
PLAIN = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(ROOT / folder / "README.md" for folder in ("grafana", "deploy/helm/dcdn-exporter")),
    *(page for page in PAGES if page.parent == ROOT / "docs" and page.stem not in NOT_PLAIN_YET),
    *(page for page in PAGES if page.parent == ROOT / "docs" / "runbooks"),
]
TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the project, and to a heading of it where one is named."""
    links = re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", page.read_text(encoding="utf-8")))
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in set(anchors(target)), link


def test_a_key_that_a_document_puts_beside_the_code_is_kept_out_of_git() -> None:
    """By .gitignore, wherever it lies."""
    shown = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
    keys = {Path(name).name for name in re.findall(r"key_file: (\S+)", shown)}
    patterns = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()

    assert keys
    assert {key for key in keys if not any(fnmatch(key, pattern) for pattern in patterns)} == set()


@pytest.mark.parametrize(
    "place",
    [
        "deploy/systemd/dcdn-exporter.service",
        "deploy/container/Containerfile",
        "deploy/helm/dcdn-exporter/Chart.yaml",
        "docs/dcdn-exporter.1",
        "pyproject.toml",
    ],
)
def test_each_package_describes_it_as_its_help_does(place: str) -> None:
    """In one sentence, with the short name of each product that README names."""
    sentence = (main.help or "").removesuffix(".")
    products = ["DCDN", "secure DCDN", "CDN", "IPA", "ESA"]
    introduction = (ROOT / "README.md").read_text(encoding="utf-8").partition("![")[0]

    assert sentence in re.sub(r"\\-", "-", (ROOT / place).read_text(encoding="utf-8"))
    assert [name for name in products if name not in introduction] == []
    assert sentence.partition("Alibaba Cloud ")[2].replace(" and ", ", ").split(", ") == products


def test_each_term_of_the_glossary_is_one_of_the_documents() -> None:
    """Each is used in a page as it stands there; none stands there twice; all values that we know are there."""
    rows = re.findall(
        r"^\| (?!term |value )([^|]+) \| ([^|]+) \|", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE
    )
    terms = [term for names, _ in rows for term in names.split(", ")]
    values = {term.strip("`") for term in terms if term.startswith("`")}
    words = " ".join(" ".join(page.read_text(encoding="utf-8") for page in PAGES if page != GLOSSARY).split()).lower()

    assert len(terms) == len(set(terms)) > 40
    assert values == {*CHARGE_TYPES, *load_texts()["zh"].terms}
    assert [names for names, chinese in rows if not re.search(r"[\u4e00-\u9fff]", chinese)] == []
    assert [term for term in terms if term.strip("`") not in values and term.lower() not in words] == []


def sentences(page: str) -> Iterator[str]:
    """Those of a page without code, tables and headings; a name in backticks, and an address, is one word."""
    prose = re.sub(r"^(?:\||#).*$", "", CODE.sub("", page), flags=re.MULTILINE)
    prose = re.sub(r"!\[[^\]]*\]\([^)]*\)|<!--.*?-->", "", prose, flags=re.DOTALL)
    prose = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]+`|<?https?:\S+", "name", prose))
    for paragraph in re.split(r"\n\s*\n|\n(?= *(?:-|\d+\.) )", prose):
        for sentence in re.split(r"(?<=[.?!])\s+", re.sub(r"^\s*(?:-|\d+\.) ", "", paragraph)):
            if re.search(r"[a-zA-Z]", sentence):
                yield " ".join(sentence.split())


@pytest.mark.parametrize("page", PLAIN, ids=[str(page.relative_to(ROOT)) for page in PLAIN])
def test_sentences_are_short(page: Path) -> None:
    """Readers of two languages read them at night: 16 words on average, and words that people search for."""
    found = sorted(sentences(page.read_text(encoding="utf-8")), key=lambda sentence: -len(sentence.split()))
    mean = sum(len(sentence.split()) for sentence in found) / len(found)

    assert mean <= MOST_WORDS, f"{mean:.1f} words a sentence; divide the longest:\n" + "\n".join(found[:5])
    assert [sentence for sentence in found if LITERARY.search(sentence)] == []


@pytest.mark.parametrize(
    "message",
    [
        "cannot listen on",
        "the system has too few threads",
        "thread limit is too low",
        "open file limit is too low",
        "raise pids.max of the cgroup",
        "the hard limit of open files (ulimit -Hn)",
        "or lower poll.max_workers",
        "no thread to be had",
        "listening",
        "This port speaks HTTPS",
        "no credentials found",
        "the default credential chain",
        "AssumeRole of",
        "the reply is",
        "no JSON",
        "its content type is",
        "it redirects to",
        "is not whole",
        "closed by the other side",
    ],
)
def test_a_message_that_is_explained_is_one_of_ours(message: str) -> None:
    """Who looks for it in the document finds it as the exporter writes it."""
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "exporter").rglob("*.py"))

    assert message in TROUBLESHOOTING
    assert re.sub(r'"\s+f?"', "", message) in re.sub(r'"\s+f?"', "", source)
