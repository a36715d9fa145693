"""The wire client in Python: for load tests, the demo and other programs."""
