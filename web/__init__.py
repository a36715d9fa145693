"""The pages for candidates, recruiters and operators (static files)."""
