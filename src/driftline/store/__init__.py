"""One file of state: SQLite with checksummed blocks, one transaction a commit, one owner at a time."""
