"""Exit codes, and how a command ends that cannot go on."""

import os
import sys
from typing import NoReturn

import click

EXIT_FAILED = 1
EXIT_BAD_CONFIGURATION = 2
EXIT_NOT_WRITTEN = 6


class End(SystemExit):
    """The end of a command with this exit code.

    ``result`` says in one line, for standard error, what the result is where standard output could not be written;
    None: what was printed is no result, and its loss changes no exit code.
    """

    def __init__(self, code: int, *, result: str | None) -> None:
        super().__init__(code)
        self.code: int = code
        self.result = result


def fail_to_listen(flag: str, address: str, error: OSError) -> NoReturn:
    """Print why, in the system's words, as Python adds the address to some errors only, and exit."""
    system_error = error.errno is not None and error.errno > 0  # those of name resolution are below
    words = os.strerror(error.errno) if system_error and error.errno else str(error.strerror)
    reason = words.removeprefix("cannot listen: ")  # as the web server says
    fail(f"cannot listen on {address}: {reason}; {flag} chooses another address", EXIT_FAILED)


def fail_without_threads(what: str) -> NoReturn:
    """Print that this cannot start, as there are too few threads, and exit."""
    fail(
        f"the system has too few threads for the {what}: raise pids.max of the cgroup, "
        "or the limit of the user's processes (ulimit -u)",
        EXIT_FAILED,
    )


def fail(message: str, exit_code: int) -> NoReturn:
    """Print the message to standard error, and exit."""
    click.echo(message, err=True)
    sys.exit(exit_code)
