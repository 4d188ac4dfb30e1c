"""From a user's own data to a first configuration: what its columns are, and files that work."""
