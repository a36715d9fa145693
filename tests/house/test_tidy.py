"""The house is tidy: every rule holds for every file, and every rule is seen to work."""

import pytest

from runtime import logs, metrics
from tests.house.rules import RULES, WORDS, Example, Rule
from tests.house.source import PACKAGES, ROOT, Source, parse, product

FLAGS = [(rule, example) for rule in RULES for example in rule.flags]
PASSES = [(rule, example) for rule in RULES for example in rule.passes]


def _names(cases: list[tuple[Rule, Example]]) -> list[str]:
    return [f"{rule.name}-{number}" for number, (rule, _) in enumerate(cases)]


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    """Every text file of the product, read once."""
    return product()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_file_keeps_the_rule(rule: Rule, sources: list[Source]) -> None:
    """No file of the product breaks it."""
    found = [
        f"{source.path}:{line}: {what}" for source in sources for line, what in rule.check(source)
    ]
    assert not found, f"{rule.why}:\n" + "\n".join(found)


@pytest.mark.parametrize(("rule", "example"), FLAGS, ids=_names(FLAGS))
def test_a_rule_flags_its_failing_examples(rule: Rule, example: Example) -> None:
    """A check that can't fail is no check."""
    assert list(rule.check(parse(*example))), f"{rule.name} lets this pass:\n{example.text}"


@pytest.mark.parametrize(("rule", "example"), PASSES, ids=_names(PASSES))
def test_a_rule_lets_honest_code_pass(rule: Rule, example: Example) -> None:
    """A check that cries wolf would be worked around."""
    assert not list(rule.check(parse(*example)))


def test_every_rule_has_a_failing_example() -> None:
    """Also a rule that comes later."""
    assert all(rule.flags for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_the_rules_see_every_package(sources: list[Source]) -> None:
    """A folder that ships is a folder that is looked at."""
    seen = {source.room for source in sources}
    with_code = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert with_code == set(PACKAGES)
    assert seen == set(PACKAGES)


def test_no_log_field_and_no_label_can_hold_words() -> None:
    """The closed lists of runtime have no place for what somebody said (invariant 7)."""
    assert not logs.ALLOWED & WORDS
    labels = {
        label
        for collector in metrics.REGISTRY._collector_to_names
        for label in getattr(collector, "_labelnames", ())
    }
    assert labels <= {
        "outcome", "code", "how", "engine", "reason", "route", "status", "task", "kind", "stage",
        "lane", "actor", "tier", "urgency", "account", "percent",
    }  # fmt: skip


def test_an_unknown_log_field_is_refused() -> None:
    """A line with a field that nobody allowed is a bug that shows at once."""
    with pytest.raises(ValueError, match="not a log field: answer"):
        logs.Log("test").error("saved", answer="words")
