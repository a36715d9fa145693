"""Deployment files, generated and checked."""
