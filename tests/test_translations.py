"""The Chinese pages say what the English ones say: the same commands, names, numbers, tables and links."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

from exporter.core.model import FailureReason
from exporter.web.texts import load_texts
from tests.pages import CODE, ROOT, anchors, chapters
from tests.translations import CHINESE, NOTE, changed, english_of, note

SISTERS = {english_of(page): page for page in CHINESE}
RUNBOOKS = [page for page in CHINESE if page.parent.parent.name == "runbooks"]
"""tests/alerts/test_runbooks.py says more of them."""
PAGES = [page for page in CHINESE if page not in RUNBOOKS]
SHORT = [ROOT / "docs" / "zh" / "deployment.md"]
"""These leave something out of each chapter, and lead to the English page for the rest."""
MESSAGES = [
    ROOT / "deploy" / "prometheus" / "alerts.yaml",
    ROOT / "deploy" / "alertmanager" / "templates" / "dcdn.zh.tmpl",
    *(ROOT / "exporter" / "web").glob("texts/zh.*"),
]
"""Files with Chinese texts that are no documents."""
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
NOT_THE_TERM = {
    "账号": "帐号|帐户",
    "计费类型": "计费方式",
    "欠费超期": "逾期欠款|欠费逾期",
    "已欠费": "套餐[^。\\n]{0,50}欠费超期",
    "探测项": "探针|探测(?!项)",
    "凭证": "凭据(?!链)",
    "告警": "报警|警报",
    "告警结束": "告警[才已]?恢复|各自恢复",
    "分片": "切片",
    "重新加载": "重载|热加载",
    "调用配额": "调用预算|调用额度",
    "抓取": "采集",
    "过期": "陈旧|过旧|过时",
    "响应": "应答",
    "监控面板": "仪表盘|看板",
}
"""What each is not called: it has one word, in the glossary or in the alerts' messages."""
HOMONYMS = {"end", "resolved", "right"}
"""Terms that are other words too: a lock ends, a name is resolved, a configuration is right."""
each_page = pytest.mark.parametrize("page", CHINESE, ids=lambda page: str(page.relative_to(ROOT)))
each_whole_or_short = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def both(page: Path) -> Iterator[tuple[str, str]]:
    """The chapters of both pages, English and Chinese."""
    english, chinese = (NOTE.sub("", one.read_text(encoding="utf-8")) for one in (english_of(page), page))
    yield from zip_longest(chapters(english), chapters(chinese), fillvalue="")


def code(chapter: str) -> list[str]:
    """Its blocks of code without comments, which are translated."""
    return [re.sub(r"\s+# .*$", "", block, flags=re.MULTILINE) for block in CODE.findall(chapter)]


def names(text: str) -> set[str]:
    """What stands in backticks: keys, metrics, flags, messages. And numbers, which are the same in both languages."""
    prose = re.sub(r"\]\([^)]*\)|<!--.*?-->", " ", CODE.sub("", text))
    rest = re.sub(r"`[^`]+`|^ *\d\. ", " ", prose, flags=re.MULTILINE)
    return {*re.findall(r"`[^`]+`", prose), *re.findall(r"\d+(?:[,.]\d+)*", rest)}


def tables(chapter: str) -> list[list[tuple[int, set[str], set[str]]]]:
    """Of each row: how many cells it has, the names in the first one, and those in all of them."""
    found = re.findall(r"(?:^\|.*\n)+", CODE.sub("", chapter), re.MULTILINE)
    rows = [[re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()] for table in found]
    return [[(len(row), names(row[0]), names(" ".join(row))) for row in table] for table in rows]


def links(page: Path, text: str) -> Iterator[tuple[Path, int | str]]:
    """Where the links of a text lead, as English pages, and to which heading of the page: the first, the second."""
    for link in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", text)):
        path, _, anchor = link.partition("#")
        if not re.match(r"[a-z]+:", link):
            target = (page.parent / path).resolve() if path else page
            place = list(anchors(target)).index(anchor) if anchor else ""
            yield english_of(target) if target in CHINESE else target, place


def is_a_part(some: Sequence[object], of: Sequence[object]) -> bool:
    """Each of them is there, in the same order."""
    rest = iter(of)
    return all(one in rest for one in some)


@each_page
def test_a_changed_english_page_asks_for_its_sister(page: Path) -> None:
    """The Chinese page has all that the English one says today."""
    assert changed(page) == [], (
        f"These chapters of {english_of(page).relative_to(ROOT)} have changed. Change {page.relative_to(ROOT)} too, "
        f"then run: make translated PAGE={page.relative_to(ROOT)}"
    )


@each_page
def test_both_pages_lead_to_each_other_at_their_head(page: Path) -> None:
    """Before the first chapter."""
    for here, there in ((page, english_of(page)), (english_of(page), page)):
        head = chapters(here.read_text(encoding="utf-8"))[0]
        assert f"]({os.path.relpath(there, here.parent)})" in head


@pytest.mark.parametrize("file", [*CHINESE, *MESSAGES], ids=lambda file: str(file.relative_to(ROOT)))
def test_a_thing_has_one_name(file: Path) -> None:
    """That of the glossary, in Chinese as in English."""
    text = file.read_text(encoding="utf-8")
    found = {term: re.findall(f".{{0,9}}(?:{words}).{{0,9}}", text) for term, words in NOT_THE_TERM.items()}
    assert {term: places for term, places in found.items() if places} == {}


@each_page
def test_bold_text_is_shown_as_bold(page: Path) -> None:
    """Between two characters without a space, Markdown sees no ** that has punctuation on its inner side."""
    bold = re.findall(r"(.?)\*\*(.+?)\*\*(.?)", CODE.sub("", page.read_text(encoding="utf-8")))
    assert [text for before, text, _ in bold if re.match(r"\w[^\w\s]", before + text[0])] == []
    assert [text for _, text, after in bold if re.match(r"[^\w\s]\w", text[-1] + after)] == []


@each_whole_or_short
def test_chapters_have_the_same_commands_and_names(page: Path) -> None:
    """Blocks of code and tables are the same, in the same order. A short page leaves some out, and adds none."""
    for english, chinese in both(page):
        where = (english or chinese).partition("\n")[0]
        assert english.count("#") >= 1 <= chinese.count("#"), where
        assert english.split(" ")[0] == chinese.split(" ")[0], where
        if page in SHORT:
            assert is_a_part(code(chinese), code(english)), where
            assert is_a_part(tables(chinese), tables(english)), where
            assert names(chinese) - names(english) == set(), where
        else:
            assert code(chinese) == code(english), where
            assert tables(chinese) == tables(english), where
            assert names(chinese) == names(english), where


@each_whole_or_short
def test_links_lead_to_the_same_places(page: Path) -> None:
    """To the Chinese page where there is one: only the switch, and what a short page leaves out, lead to English."""
    english_page = english_of(page)
    for english, chinese in list(both(page))[1:]:
        where = english.partition("\n")[0]
        there, here = set(links(english_page, english)), set(links(page, chinese))
        if page in SHORT:
            assert {target for target, _ in here} - {target for target, _ in there} <= {english_page}, where
        else:
            assert here == there, where
        for link in re.findall(r"\]\(([^)\s#]+)", CODE.sub("", chinese)):
            target = (page.parent / link).resolve()
            assert target not in SISTERS or (page in SHORT and target == english_page), link


@pytest.mark.parametrize("page", [page for page in PAGES if page not in SHORT], ids=lambda page: page.name)
def test_terms_are_those_of_the_glossary(page: Path) -> None:
    """A term that an English page uses stands in its sister as the glossary has it."""
    english, chinese = (CODE.sub("", one.read_text(encoding="utf-8")) for one in (english_of(page), page))
    words = " ".join(re.sub(r"`[^`]+`|\]\([^)]*\)", "", english).split()).lower()
    rows = re.findall(r"^\| (?!term |value |`)([^|]+) \| ([^|]+) \|", GLOSSARY, re.MULTILINE)
    used = {
        term: translation.split("、")
        for terms, translation in rows
        for term in terms.split(", ")
        if term not in HOMONYMS and re.search(rf"\b{term.lower()}s?\b", words)
    }

    assert used
    assert {term: said for term, said in used.items() if not any(word in chinese for word in said)} == {}


def test_reasons_of_failures_are_named_as_on_the_status_page() -> None:
    """What the page shows in Chinese leads to a chapter, as the English reason does."""
    words = load_texts()["zh"]
    pages = [ROOT / "docs" / name / "troubleshooting.md" for name in (".", "zh")]
    english, chinese = (page.read_text(encoding="utf-8") for page in pages)

    assert [reason for reason in FailureReason if f"`{reason}`" not in english] == []
    assert [reason for reason in FailureReason if f"`{reason}`（{words.of(reason)}）" not in chinese] == []


def test_the_severities_of_messages_stand_on_the_page_of_the_alerts() -> None:
    """A message has the Chinese word, and the label of a route the English one."""
    template = (ROOT / "deploy" / "alertmanager" / "templates" / "dcdn.zh.tmpl").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "zh" / "alerts.md").read_text(encoding="utf-8")
    words = re.findall(r'eq \. "(\w+)" \}\}([\u4e00-\u9fff]+)', template)

    assert len(words) == 3
    assert [word for label, word in words if not re.search(rf"\*\*{label}\*\*（[^）]*“{word}”）", page)] == []


def test_what_has_changed_is_named(tmp_path: Path) -> None:
    """A new, a changed and a removed chapter of the English page; not lines that end elsewhere."""
    (tmp_path / "zh").mkdir()
    english, chinese = tmp_path / "a.md", tmp_path / "zh" / "a.md"
    shutil.copy(ROOT / "docs" / "zh" / "upgrading.md", chinese)
    text = "# A\n\none two\n\n## B\n\n```\n# no heading\n```\n\n## C\n"

    def after(text: str) -> list[str]:
        english.write_text(text, encoding="utf-8")
        return changed(chinese)

    assert after(text) == ["# A", "## B", "## C"]
    note(chinese)
    noted = chinese.read_text(encoding="utf-8")
    note(chinese)
    assert chinese.read_text(encoding="utf-8") == noted
    assert after(text) == []
    assert after(text.replace("one two", "one\ntwo")) == []
    assert after(text.replace("# no", "# none")) == ["## B"]
    assert after(f"{text}\n## D\n") == ["## D"]
    assert after(text.replace("## C\n", "")) == ["(order)"]
