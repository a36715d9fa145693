"""The one console script: composes the rest and starts the local stack."""
