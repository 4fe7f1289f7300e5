"""AWS Systems Manager, as far as it runs commands on instances: Run Command and Session Manager."""
