"""The configuration files: read, checked, every problem told at once. The one home of pydantic and PyYAML.

    reading.py         load, load_web, parse, without_file
    document.py        YAML with the place of every value
    models.py          the whole file as frozen models
    poll.py, rate_limit.py, accounts.py, discovery.py, credentials.py    its sections
    web.py             the file of the web server, in a format that is not ours
    addresses.py       what may be called, and how
    refusals.py        checks that say in words what they accept
    explanations.py    pydantic's errors as problems of the file
    problems.py        Problem, ConfigurationError
    durations.py       1h30m as seconds and back
    secret_files.py    files with one secret each
    summary.py         a few lines for people
    schema.py          the file for editors

Knows nothing of the other modules: operations, their limits and the products come in as arguments.
"""

from exporter.config.accounts import PRODUCTS, Account
from exporter.config.credentials import (
    AccessKeyCredentials,
    BaseCredentials,
    Credentials,
    DefaultCredentials,
    EcsRamRoleCredentials,
    OidcCredentials,
    ProfileCredentials,
    RamRoleCredentials,
    UriCredentials,
    known_account_id,
)
from exporter.config.discovery import Discovery, ResourceDirectory
from exporter.config.durations import format_duration, parse_duration
from exporter.config.models import Configuration, Endpoints
from exporter.config.poll import Poll
from exporter.config.problems import ConfigurationError, Problem
from exporter.config.rate_limit import RateLimit
from exporter.config.reading import load, load_web, parse, without_file
from exporter.config.schema import json_schema
from exporter.config.secret_files import SecretFileError, read_secret_file
from exporter.config.summary import summary
from exporter.config.web import TlsServer, WebConfiguration, web_summary

__all__ = [
    "PRODUCTS",
    "AccessKeyCredentials",
    "Account",
    "BaseCredentials",
    "Configuration",
    "ConfigurationError",
    "Credentials",
    "DefaultCredentials",
    "Discovery",
    "EcsRamRoleCredentials",
    "Endpoints",
    "OidcCredentials",
    "Poll",
    "Problem",
    "ProfileCredentials",
    "RamRoleCredentials",
    "RateLimit",
    "ResourceDirectory",
    "SecretFileError",
    "TlsServer",
    "UriCredentials",
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
