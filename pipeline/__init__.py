"""Work that is done out of band: CVs, matches, evaluations."""
