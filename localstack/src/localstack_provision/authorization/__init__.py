"""Authorisation as IAM does it, for accounts that a test has given a policy: what it does not allow is denied."""
