"""The manual page, from the same texts as `--help`."""

import re
from collections.abc import Iterator

import click

_HEAD = r"""
.\" Written by `make man` from the texts of --help.
.TH DCDN\-EXPORTER 1 "" dcdn\-exporter "User Commands"
.SH NAME
dcdn\-exporter \- {purpose}
.SH SYNOPSIS
.B dcdn\-exporter
.I COMMAND
.RI [ OPTIONS ]
.br
.B dcdn\-exporter \-\-version
.SH COMMANDS
""".lstrip()

_TAIL = r"""
.SH EXIT STATUS
.TP
.B 0
done; for serve, demo and simulator: ended by a signal to stop
.TP
.B 1
failed; for open\-cdn: rejected, or not sent
.TP
.B 2
bad configuration or usage
.TP
.B 3
status: something is locked, overdue or stopped
.TP
.B 4
status: a poll failed
.TP
.B 5
open\-cdn: the result is not known
.TP
.B 6
as 0, but the result could not be written; not for serve, demo and simulator
.SH ENVIRONMENT
Without a flag, its variable is read. Credentials of the type default use the vendor's variables, such as
ALIBABA_CLOUD_ACCESS_KEY_ID. Every call uses HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE.
.SH SIGNALS
SIGHUP reloads the configuration file of serve. SIGTERM and SIGINT stop it within two seconds.
""".lstrip()


def man_page(main: click.Group) -> str:
    """The page of section 1, in roff."""
    context = click.Context(main, info_name="dcdn-exporter", max_content_width=110)
    purpose = _text(main.help or "")[0].removesuffix(".")
    return _HEAD.format(purpose=_escaped(purpose)) + "".join(_commands(main, context)) + _TAIL


def _commands(main: click.Group, context: click.Context) -> Iterator[str]:
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None  # noqa: S101 — it was listed
        of_command = click.Context(command, info_name=name, parent=context)
        usage = " ".join(command.collect_usage_pieces(of_command))
        yield f".SS {_escaped(f'{name} {usage}')}\n"
        yield ".PP\n".join(f"{_escaped(paragraph)}\n" for paragraph in _text(command.help or ""))
        for parameter in command.params:
            record = parameter.get_help_record(of_command)
            if record is not None and record[1]:
                yield f".TP\n.B {_escaped(record[0])}\n{_escaped(record[1].replace('  [', ' ['))}\n"


def _text(help_text: str) -> list[str]:
    """The paragraphs of a help text, each on one line."""
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", help_text.strip())]


def _escaped(text: str) -> str:
    """The text for roff: no escape, no request, and hyphens that can be copied into a shell."""
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain
