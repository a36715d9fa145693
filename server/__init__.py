"""The interview server and its REST doors: one process, one instance."""
