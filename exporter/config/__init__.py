"""The configuration files: read, checked, every problem told at once. The one home of pydantic and PyYAML.

    reading.py         load, load_web, parse, without_file
    document.py        YAML with the place of every value
    models.py          the whole file as frozen models, and what stands in it once
    accounts.py, credentials.py    whom to watch, and as whom
    web.py             the file of the web server, in a format that is not ours
    values.py          durations, numbers, addresses
    vocabulary.py      what callers hand in: products, switches, limits, labels
    checks.py          how a model says what it accepts
    problems.py        Problem, ConfigurationError
    summary.py         a few lines for people
    schema.py          the file for editors

Knows the forms of ids and roles from the api, and no product or probe: they are the Vocabulary that comes in.
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
from exporter.config.models import Configuration, Endpoints, Poll
from exporter.config.problems import ConfigurationError, Problem
from exporter.config.reading import load, load_web, parse, without_file
from exporter.config.schema import json_schema
from exporter.config.summary import summary
from exporter.config.values import format_duration, parse_duration
from exporter.config.vocabulary import Vocabulary
from exporter.config.web import TlsServer, WebConfiguration, web_summary

__all__ = [
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
    "format_duration",
    "json_schema",
    "known_account_id",
    "load",
    "load_web",
    "parse",
    "parse_duration",
    "read_secret_file",
    "summary",
    "web_summary",
    "without_file",
]
