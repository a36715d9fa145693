"""Words that two parties agree on: frames, jobs, profiles, reports, limits and faults."""
