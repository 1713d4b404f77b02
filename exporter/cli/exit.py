"""Exit codes, and how a command ends that cannot go on."""

import os
import sys
from typing import NoReturn

import click

EXIT_FAILED = 1
EXIT_BAD_CONFIGURATION = 2


def fail_to_listen(flag: str, address: str, error: OSError) -> NoReturn:
    """Print why, in the system's words, as Python adds the address to some errors only, and exit."""
    system_error = error.errno is not None and error.errno > 0  # those of name resolution are below
    reason = os.strerror(error.errno) if system_error and error.errno else error.strerror
    fail(f"cannot listen on {address}: {reason}; {flag} chooses another address", EXIT_FAILED)


def fail(message: str, exit_code: int) -> NoReturn:
    """Print the message to standard error, and exit."""
    click.echo(message, err=True)
    sys.exit(exit_code)
