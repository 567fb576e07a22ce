"""The cells of NAS-Bench-201 (Dong & Yang, 2020)."""
