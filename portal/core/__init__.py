"""Values and contracts: no I/O, neither Dask nor Jupyter."""
