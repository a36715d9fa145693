"""The gateway beside LiteLLM's proxy: what is computed, judged and told; nothing is installed."""

import json
import os
import re

import pytest

from loadtest.bench import cores, peers
from loadtest.bench.llm_client import Measured
from tests.loadtest.conftest import ROOT


def _found(*, gateway=0.002, proxy=0.04, first=(0.0010, 0.0012, 0.0212)):
    raw, ours, theirs = ([one] * 10 for one in first)
    return {
        "raw aiohttp": [Measured(0.002, raw, 400)],
        "gateway": [Measured(gateway, ours, 400), Measured(gateway, ours, 400)],
        "LiteLLM's proxy": [Measured(9.0, theirs, 400, proxy)],
    }


def _by(shown, metric):
    return [one for one in shown if one.metric == metric]


def test_the_proxy_stands_beside_the_gateway_with_what_it_spends_itself():
    """Its own CPU and not its client's; how many times more is the ratio."""
    shown = peers.figures(_found(), "10 streams")
    raw, ours, theirs = _by(shown, "cpu_per_stream")
    assert (raw.value, ours.value, theirs.value, theirs.ratio) == (2.0, 2.0, 40.0, 20.0)
    assert (theirs.case, theirs.baseline) == ("LiteLLM's proxy, 10 streams", "gateway")


def test_what_is_added_is_over_asking_the_stand_in_directly():
    """For both, at each percentile."""
    ours, theirs = _by(peers.figures(_found(), "10 streams"), "first_piece_added_p50")
    assert (ours.value, theirs.value, theirs.ratio) == (0.2, 20.2, 101.0)


def test_a_gateway_that_seems_faster_than_nothing_is_given_the_least_that_can_be_told():
    """A negative difference is noise: it makes no ratio, and no endless one."""
    shown = peers.figures(_found(first=(0.0012, 0.0011, 0.0022)), "10 streams")
    ours, theirs = _by(shown, "first_piece_added_p99")
    assert (ours.value, theirs.baseline_value, theirs.ratio) == (-0.1, peers.LEAST_MS, 10.0)


def test_a_target_that_is_missed_is_named_and_one_that_is_met_is_not():
    """15 times less CPU, 10 times less added."""
    assert peers.missed(peers.figures(_found(), "10 streams")) == []
    short = peers.missed(peers.figures(_found(proxy=0.0299), "10 streams"))
    assert short == ["gateway, 10 streams: cpu_times_less 14.95, wanted 15"]
    slow = peers.missed(peers.figures(_found(first=(0.001, 0.002, 0.0109)), "10 streams"))
    assert len(slow) == 3
    assert "first_piece_added_p50_times_less 9.9, wanted 10" in slow[0]


def test_a_run_too_short_for_the_clock_of_cpu_time_gives_no_figure():
    """A zero would be the best ratio of all."""
    with pytest.raises(peers.NothingMeasured, match="too few streams"):
        peers.figures(_found(gateway=0.0), "10 streams")


def test_the_proxys_configuration_leads_to_the_stand_in_and_nowhere_else():
    """One provider, a key made for the run, no telemetry, no database."""
    told = json.loads(peers.config("http://127.0.0.1:1", "sk-x"))
    assert told["model_list"][0]["litellm_params"]["api_base"] == "http://127.0.0.1:1"
    assert told["litellm_settings"] == {"telemetry": False}
    assert told["general_settings"] == {"master_key": "sk-x"}


def test_without_its_package_the_bench_says_what_to_do(tmp_path, capsys):
    """And starts nothing."""
    assert peers.main(["--litellm", str(tmp_path / "litellm")]) == 1
    assert "`make bench-peers` does it" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--streams", "0"], ["--streams", "a"], ["--rounds", "0"]])
def test_sizes_are_positive_numbers(wrong):
    """Anything else ends with the usage."""
    with pytest.raises(SystemExit):
        peers.parser().parse_args(wrong)
    assert peers.parser().parse_args(["--streams", "10,100"]).streams == [10, 100]


def test_a_familys_cpu_holds_its_head_and_no_process_is_nothing():
    """A process that is gone has spent nothing that could still be read."""
    assert cores.family_cpu_seconds(os.getpid()) > 0
    assert cores.family_cpu_seconds(0) == 0


def test_what_is_measured_beside_the_product_is_named_in_one_place_and_imported_nowhere():
    """Its range is in requirements-peers.txt alone, bounded from both sides."""
    named = (ROOT / "requirements-peers.txt").read_text(encoding="utf-8")
    (line,) = [one for one in named.splitlines() if one and not one.startswith("#")]
    assert re.fullmatch(r"litellm\[proxy\]>=[\d.]+,<[\d.]+", line)
    assert "litellm" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for path in (ROOT / "loadtest").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) litellm", path.read_text("utf-8"), re.MULTILINE)
