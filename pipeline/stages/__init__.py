"""The stages a CV passes: each is one function of what came before it."""
