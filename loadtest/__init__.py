"""Crowds seen from outside: simulated candidates, a stand-in model, verdicts."""
