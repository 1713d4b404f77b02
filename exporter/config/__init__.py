"""The configuration files: read and checked, all problems reported at once. The one home of pydantic and PyYAML.

    reading.py         load, load_web, parse, without_file
    document.py        YAML with the place of every value
    broken_yaml.py     what is wrong with YAML that cannot be read
    models.py          the whole file as frozen models, and what stands in it once
    accounts.py, credentials.py    whom to watch, and as whom
    web.py             the file of the web server, in a format that is not ours
    values.py          durations, numbers, addresses
    vocabulary.py      what callers pass in: products, switches, limits, labels
    checks.py          checks of models, with the words for a message
    unknown_keys.py    what a key that is unknown may be
    problems.py        Problem, ConfigurationError
    summary.py         a few lines for people
    calls.py           the operations that are called for the accounts
    unused.py          keys that have no effect
    exposure.py        files with secrets that other users can read or change
    schema.py          the file for editors

The forms of ids and roles come from api. Products and probes are not known here: callers pass in a Vocabulary.
"""

from exporter.config.accounts import Account, ResourceDirectory
from exporter.config.credentials import (
    AccessKeyCredentials,
    BaseCredentials,
    Credentials,
    DefaultCredentials,
    EcsRamRoleCredentials,
    OidcCredentials,
    ProfileCredentials,
    RamRoleCredentials,
    SecretFileError,
    UriCredentials,
    known_account_id,
    read_secret_file,
)
from exporter.config.document import to_yaml
from exporter.config.exposure import exposure_warnings
from exporter.config.models import Configuration, Endpoints, Poll
from exporter.config.problems import ConfigurationError, Problem
from exporter.config.reading import load, load_web, parse, without_file
from exporter.config.schema import json_schema
from exporter.config.summary import MAX_NAMED, summary
from exporter.config.unused import unused_keys
from exporter.config.values import format_duration, parse_duration
from exporter.config.vocabulary import Vocabulary
from exporter.config.web import TlsServer, WebConfiguration, protection, web_summary

__all__ = [
    "MAX_NAMED",
    "AccessKeyCredentials",
    "Account",
    "BaseCredentials",
    "Configuration",
    "ConfigurationError",
    "Credentials",
    "DefaultCredentials",
    "EcsRamRoleCredentials",
    "Endpoints",
    "OidcCredentials",
    "Poll",
    "Problem",
    "ProfileCredentials",
    "RamRoleCredentials",
    "ResourceDirectory",
    "SecretFileError",
    "TlsServer",
    "UriCredentials",
    "Vocabulary",
    "WebConfiguration",
    "exposure_warnings",
    "format_duration",
    "json_schema",
    "known_account_id",
    "load",
    "load_web",
    "parse",
    "parse_duration",
    "protection",
    "read_secret_file",
    "summary",
    "to_yaml",
    "unused_keys",
    "web_summary",
    "without_file",
]
