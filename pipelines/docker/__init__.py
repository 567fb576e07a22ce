"""Searches whose steps run in containers of this machine, and images that have packages of one's own."""
