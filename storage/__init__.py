"""The one door to PostgreSQL, Redis and objects: SQL, Lua and keys live here only."""
