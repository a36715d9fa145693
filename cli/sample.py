"""The demo's fictitious CV and opening, shipped with the product."""

import pathlib

FOLDER = pathlib.Path(__file__).with_name("sample")


def sample_cv() -> bytes:
    """Return a two-page CV in Spanish as PDF (its source is `cv.typ` beside it)."""
    return (FOLDER / "cv.pdf").read_bytes()


def sample_opening() -> bytes:
    """Return an opening in Lima, as JSON, that the CV matches in part."""
    return (FOLDER / "opening.json").read_bytes()


def answers(language: str) -> tuple[str, ...]:
    """Return the frames of the simulated candidate's answers, filled from the CV."""
    text = (FOLDER / f"answers.{language}.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line)
