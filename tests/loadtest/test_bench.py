"""The benches run, and what they print has the shape that other programs read."""

import json
import subprocess
import sys

import pytest

from loadtest.bench import stamps
from loadtest.bench.figures import figure, percentile
from tests.loadtest.conftest import ROOT

pytestmark = pytest.mark.timeout(300)  # the benches take as long as the machine needs
FIELDS = {
    "bench", "case", "metric", "value", "unit", "baseline", "baseline_value", "ratio",
}  # fmt: skip
TINY = ["--sessions", "4", "--seconds", "2", "--interval", "1", "--pieces", "6"]
TINY += ["--piece-seconds", "0.01", "--commits", "5", "--times", "1"]


def _figures(*arguments: str) -> list[dict[str, object]]:
    run = subprocess.run(
        [sys.executable, "-m", "loadtest.bench", *TINY, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert all(set(one) == FIELDS for one in found)
    assert all(isinstance(one["value"], int | float) for one in found)
    return found


def test_the_session_bench_measures_both_engines_beside_their_floors():
    """Added latency beside a bare server, answers beside a commit, cores and memory."""
    found = _figures("--only", "session")
    metrics = {one["metric"] for one in found}
    assert {
        "added_p50", "added_p95", "added_p99", "piece_p95", "accepted_p95", "first_piece_p95",
        "core_share", "memory_per_session", "turns",
    } <= metrics  # fmt: skip
    cases = {str(one["case"]) for one in found}
    assert cases == {"offline engine, 4 sessions", "model stand-in over HTTP, 4 sessions"}
    by_metric = {one["metric"]: one for one in found}
    assert by_metric["added_p95"]["baseline"] == "a plain websockets server"
    assert by_metric["accepted_p95"]["baseline"] == "a one-row commit"
    assert by_metric["turns"]["value"] > 0  # type: ignore[operator]


def test_the_llm_bench_measures_every_way_to_the_model_in_one_run():
    """CPU of a stream and first pieces of the gateway, its engine and the SDK, beside aiohttp's."""
    small = ["--streams", "3", "--rounds", "1", "--turns", "1", "--stream-pieces", "5"]
    found = _figures("--only", "llm", *small, "--stream-piece-seconds", "0.005")
    cases = {str(one["case"]).partition(",")[0] for one in found}
    assert cases == {
        "raw aiohttp", "engine", "gateway", "sdk create(stream=True)", "sdk stream()",
    }  # fmt: skip
    cpu = [one for one in found if one["metric"] == "cpu_per_stream"]
    assert [one["baseline"] for one in cpu] == [None, *["raw aiohttp"] * 4]
    added = [one for one in found if str(one["metric"]).startswith("first_piece_added")]
    assert len(added) == 12


def test_the_other_benches_print_their_figures():
    """One JSON line each, under the bench's own name."""
    found = _figures("--only", "commit", "floor", "start")
    assert {one["bench"] for one in found} == {"commit", "floor", "start"}


def test_a_ratio_is_the_value_over_its_baseline():
    """And there is none without a baseline."""
    assert figure("b", "c", "m", 6, "ms", baseline="x", baseline_value=2).ratio == 3
    assert figure("b", "c", "m", 6, "ms").ratio is None


def test_percentiles_are_values_that_occurred():
    """Nearest rank; nothing measured is an error and no zero."""
    assert percentile([3, 1, 2], 50) == 2
    assert percentile(list(range(1, 101)), 95) == 95
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 50)


def test_stamps_are_read_back_from_a_coalesced_frame():
    """Two pieces and the moment at which they were let go together."""
    text = "[b5][e10]una pieza [e20]otra [f30]"
    assert stamps.read(text) == stamps.Stamps(asked=5, pieces=[10, 20], left=30)
