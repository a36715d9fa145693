"""Lua scripts: each touches the keys of one hash tag."""
