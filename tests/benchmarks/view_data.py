"""The arrays that are looked at: a billion cells whose every slice tells its number.

A plane is twelve stripes along x: the first is low, the second high, and ten say the number of the
slice in bits, the highest first. Upon them lie waves and noise, so that the chunks compress as
measured fields do. A picture of a slice, in whatever colours, can be told from any other by it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE = 1000
BITS = 10
STRIPES = BITS + 2
HIGH = 60.0
#: One slice a chunk, and chunks that suit every direction.
CHUNKS = {"slices": (1, 1000, 1000), "blocks": (20, 250, 250)}


def write(path: Path, chunks: tuple[int, int, int], size: int = SIZE) -> None:
    """Write ``size`` slices of 1000 × 1000 float32 cells, a few at a time."""
    import zarr

    group = zarr.open_group(path, mode="w")
    array = group.create_array(
        "cells",
        shape=(size, SIZE, SIZE),
        chunks=chunks,
        dtype="float32",
        compressors=zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),
        dimension_names=("time", "y", "x"),
        attributes={"units": "W m-2"},
    )
    for name, length in {"time": size, "y": SIZE, "x": SIZE}.items():
        group.create_array(name, data=np.arange(length, dtype="float64"), dimension_names=(name,))
    random = np.random.default_rng(20261121)
    y, x = np.meshgrid(*[np.linspace(0, 9, SIZE, dtype="float32")] * 2, indexing="ij")
    for first in range(0, size, 20):
        numbers = np.arange(first, min(first + 20, size))
        times = numbers.astype("float32")[:, None, None]
        waves = 100 + 5 * np.sin(y + times / 40) * np.cos(x - times / 60)
        noise = random.standard_normal(waves.shape, dtype="float32")
        field = waves + noise / 2 + [stripes(n)[None, :] for n in numbers]
        array[first : first + len(numbers)] = np.round(field, 3).astype("float32")
    zarr.consolidate_metadata(path)


def stripes(number: int) -> NDArray[np.float32]:
    """Return what the cells of a row hold beneath waves and noise, shape (1000,)."""
    bits = [0, 1, *(number >> bit & 1 for bit in reversed(range(BITS)))]
    at = np.arange(SIZE) * STRIPES // SIZE
    return (np.array(bits, dtype="float32") * np.float32(HIGH))[at]


def number_in(picture: NDArray[np.uint8]) -> int:
    """Read the number of the slice from a picture that holds the plane, shape (height, width, RGB).

    The plane is the widest run of columns that are coloured over the middle half of the height;
    ticks, titles and colour bars are narrower. The middle of each stripe is lighter or darker; the
    first two say which is which.
    """
    height = picture.shape[0]
    middle = picture[height // 4 : 3 * height // 4, :, :3].astype(np.float64)
    coloured = (np.ptp(middle, axis=2) > 24).mean(axis=0) > 0.9
    ends = np.flatnonzero(np.diff(np.concatenate([[False], coloured, [False]])))
    first, after = max(zip(ends[::2], ends[1::2], strict=True), key=lambda run: run[1] - run[0])
    light = middle[:, first:after] @ np.array([0.2126, 0.7152, 0.0722])
    middles = ((np.arange(STRIPES) + 0.5) * (after - first) / STRIPES).astype(int)
    reach = max(1, (after - first) // STRIPES // 4)
    low, high, *shades = (float(np.mean(light[:, m - reach : m + reach])) for m in middles)
    bits = [abs(shade - high) < abs(shade - low) for shade in shades]
    return sum(bit << place for place, bit in zip(reversed(range(BITS)), bits, strict=True))
