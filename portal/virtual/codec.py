"""A codec of Zarr format 3 that unpacks GRIB messages, for the chunks of virtual stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from zarr.abc.codec import BytesBytesCodec
from zarr.core.common import JSON, parse_named_configuration

from portal.virtual.needs import need

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

#: A field of more points than this is refused.
MOST_POINTS = 2**28
#: The largest float32: what ecCodes is told to write where there is no value.
_MISSING = 3.4028234663852886e38


@dataclass(frozen=True)
class GribCodec(BytesBytesCodec):
    """Reads one GRIB message as little-endian float32, missing values as NaN."""

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Make it of a store's metadata."""
        parse_named_configuration(data, "portal.grib", require_configuration=False)
        return cls()

    def to_dict(self) -> dict[str, JSON]:
        """Return what a store's metadata say of it."""
        return {"name": "portal.grib"}

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        import asyncio

        values = await asyncio.to_thread(unpack, chunk_bytes.to_bytes())
        return chunk_spec.prototype.buffer.from_bytes(values)

    async def _encode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer | None:
        raise ValueError("GRIB messages are read, not written")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Refuse: the size of a message is not known before it is packed."""
        raise ValueError("GRIB messages are read, not written")


def unpack(message: bytes) -> bytes:
    """Return the values of a GRIB message as little-endian float32.

    Raises
    ------
    ValueError
        It is damaged, or its field is too large.
    """
    import numpy as np

    eccodes = need("eccodes", "grib")
    handle = None
    try:
        handle = eccodes.codes_new_from_message(message)
        if eccodes.codes_get(handle, "numberOfPoints", int) > MOST_POINTS:
            raise ValueError("a GRIB field of too many points")
        eccodes.codes_set(handle, "missingValue", _MISSING)
        values = eccodes.codes_get_values(handle)
        values[values == _MISSING] = np.nan
        if eccodes.codes_get(handle, "alternativeRowScanning", int):
            rows = values.reshape(eccodes.codes_get(handle, "Ny", int), -1)
            rows[1::2] = rows[1::2, ::-1]
    except eccodes.CodesInternalError as error:
        raise ValueError(f"a GRIB message that is damaged: {error}") from error
    finally:
        if handle is not None:
            eccodes.codes_release(handle)
    packed: bytes = values.astype("<f4").tobytes()
    return packed
