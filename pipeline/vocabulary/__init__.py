"""The words of the trade: skills and their aliases in three languages, found and made one.

`find` gives the canonical skills of any text, CV or opening, so that "k8s" and "Kubernetes",
"atendimento ao cliente" and "customer service" meet.
"""

from pipeline.vocabulary.skills import canonical, category, find

__all__ = ["canonical", "category", "find"]
