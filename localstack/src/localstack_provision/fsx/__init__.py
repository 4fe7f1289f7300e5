"""Amazon FSx for Lustre, as its API reference and user guide describe it."""
