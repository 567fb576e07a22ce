"""Contract suites that every implementation, ours or another's, inherits."""
