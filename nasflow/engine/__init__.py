"""The search loop: rounds, shards, budgets, the lease."""
