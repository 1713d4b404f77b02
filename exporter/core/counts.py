"""Numbers of things, in words."""


def counted(number: float, one: str, several: str) -> str:
    """The number and what there is of it, such as `1 call` or `0.5 calls`."""
    shown = f"{number}" if isinstance(number, int) else f"{number:g}"
    return f"{shown} {one if number == 1 else several}"
