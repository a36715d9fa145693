"""The fields of a CV, each read from its text by rules that a person can follow."""
