import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from exporter.app import VOCABULARY
from exporter.config import (
    AccessKeyCredentials,
    Account,
    Configuration,
    ConfigurationError,
    Credentials,
    ResourceDirectory,
    load,
    parse,
    unused_keys,
)
from exporter.config.checks import SWITCHES

ROOT = Path(__file__).parent.parent.parent
DOCUMENTATION = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "deploy" / "config.example.yaml"


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Every key that the file may have, of inner sections too."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        yield from VOCABULARY.switches if key == SWITCHES else (key,)
        for inner in models_in(field.annotation):
            yield from keys_of(inner)


def keys_at_the_top() -> Iterator[str]:
    for name in Configuration.model_fields:
        yield from VOCABULARY.switches if name == "switches" else (name,)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from models_in(argument)


KEYS = [pytest.param(key, id=key) for key in dict.fromkeys(keys_of(Configuration))]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_documented(key: str) -> None:
    """As a heading or in a table."""
    documented = re.findall(r"^#+ (\w+)$|^\|(.*?)\|", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE)
    assert key in {heading for heading, _ in documented} | set(re.findall(r"`(\w+)`", str(documented)))


@pytest.mark.parametrize("key", KEYS)
def test_every_key_stands_in_the_example(key: str) -> None:
    """With a value, or commented out with one."""
    assert re.search(rf"^[ #-]*{key}:", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_forbidden_label_is_documented() -> None:
    """Each by its name."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    assert not [name for name in VOCABULARY.forbidden_labels if f"`{name}`" not in text]


def test_no_switch_is_called_like_another_key() -> None:
    """It would hide that key."""
    others = {key for model in (Configuration, Account, ResourceDirectory) for key in model.model_fields}
    assert others & set(VOCABULARY.switches) == set()


def test_the_example_is_accepted(tmp_path: Path) -> None:
    """Once the files it names exist; no key of it is without effect."""
    file = tmp_path / "dcdn-exporter.yaml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r" secrets/(\S+)", EXAMPLE.read_text(encoding="utf-8")):
        (tmp_path / "secrets" / name).write_text(f"{name}\n")
    found = load(file, vocabulary=VOCABULARY)
    assert unused_keys(found, VOCABULARY) == []
    assert len({account.credentials.type for account in found.accounts}) == len(typing.get_args(Credentials))
    shop = found.accounts[1].credentials
    assert isinstance(shop, AccessKeyCredentials)
    assert shop.access_key_secret_file == tmp_path / "secrets" / "shop_access_key_secret"


def test_what_the_example_calls_default_is_the_default(tmp_path: Path) -> None:
    """Lines with the comment `default` can be left out without a change."""
    lines = EXAMPLE.read_text(encoding="utf-8").split("accounts:\n")[0].split("\n")
    written, shortened = tmp_path / "written.yaml", tmp_path / "shortened.yaml"
    written.write_text("\n".join(lines) + "\naccounts: [{name: prod}]\n", encoding="utf-8")
    kept = [line for line in lines if not re.search(r"# default\b(?!:)", line) and line != "poll:"]
    shortened.write_text("\n".join(kept) + "\naccounts: [{name: prod}]\n", encoding="utf-8")
    assert len(kept) < len(lines) - 8
    assert load(written, vocabulary=VOCABULARY) == load(shortened, vocabulary=VOCABULARY)


def test_the_example_is_plain_yaml() -> None:
    """Other programs (editors, templates) read it as well."""
    assert set(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))) == set(keys_at_the_top())


def test_the_messages_in_the_documentation_are_real() -> None:
    """They are what a file with two slips gets."""
    with pytest.raises(ConfigurationError) as caught:
        parse(
            "poll:\n  interval: 60\n\naccounts:\n  - nmae: prod\n",
            source="dcdn-exporter.yaml",
            vocabulary=VOCABULARY,
        )
    assert f"```\n{caught.value}\n```" in DOCUMENTATION.read_text(encoding="utf-8")
