"""Virtual stores: files of legacy formats read as one Zarr store, by references to their bytes."""
