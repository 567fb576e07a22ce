"""The cells of NASNet (Zoph et al., 2018) and DARTS (Liu et al., 2019), stacked."""
