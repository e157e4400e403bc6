"""One file per revision, never changed after release."""
