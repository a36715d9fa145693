"""Options of the commands that are numbers, checked where they are read."""

import argparse
import math
from typing import Final, NoReturn

PORT_MAX: Final = 65_535


class Parser(argparse.ArgumentParser):
    """Tells a person's mistake in one line and exits with 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def port(text: str) -> int:
    """Return a port's number; 0 is any that is free."""
    return _whole(text, 0, PORT_MAX, f"a port is a number from 0 to {PORT_MAX}")


def count(text: str) -> int:
    """Return how many: at least one."""
    return _whole(text, 1, None, "a whole number from 1 on")


def amount(text: str) -> int:
    """Return how many: none is an answer too."""
    return _whole(text, 0, None, "a whole number from 0 on")


def seconds(text: str) -> float:
    """Return a time in seconds, such as 0.5."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a time in seconds, such as 0.5")
    return value


def _whole(text: str, least: int, most: int | None, wanted: str) -> int:
    plain = text.strip()
    value = int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else -1  # noqa: PLR2004 - an int4
    if value < least or (most is not None and value > most):
        raise argparse.ArgumentTypeError(f"{text!r}: {wanted}")
    return value
