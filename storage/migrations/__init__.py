"""Numbered SQL files, applied in order by storage.migrate."""
