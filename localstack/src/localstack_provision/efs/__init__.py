"""Amazon EFS, as its API reference and user guide describe it."""
