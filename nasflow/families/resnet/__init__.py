"""The reference networks: residual networks of 8, 20 and 18 layers (He et al., 2016)."""
