"""Memory that is free goes back to the system, which the C library does not do by itself for small pieces."""

import ctypes


def release_memory() -> None:
    """What was free is the system's again, where the C library can do that (glibc). Other threads go on meanwhile."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
