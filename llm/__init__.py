"""The one door to language models and embeddings."""
