"""A picture as it travels: a JSON header and one run of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.viewer.quantise import Packed, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ALIGNMENT = 8
_DTYPES = {"u8": "|u1", "u16": "<u2", "u32": "<u4", "f32": "<f4", "f64": "<f8"}
_CODES = {"u1": "u8", "u2": "u16", "u4": "u32", "f4": "f32", "f8": "f64"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What a front-end needs to draw one view of one variable.

    Attributes
    ----------
    header
        JSON values: kind, variable, index, title, units, axes, encoding, limits, notes, and under
        ``arrays`` the dtype, offset (bytes, a multiple of 8) and length (elements) of each array in
        the payload.
    payload
        The arrays, little-endian. A picture has ``cells`` (row by row, the top row first), ``x``,
        ``y`` (coordinates) and ``x_edges``, ``y_edges``; a series ``x`` and ``cells``.
    """

    header: dict[str, Any]
    payload: bytes

    def array(self, name: str) -> NDArray[Any]:
        """Return one array of the payload, flat, as it was sent."""
        where = self.header["arrays"][name]
        dtype = np.dtype(_DTYPES[where["dtype"]])
        return np.frombuffer(self.payload, dtype, where["length"], where["offset"])

    def values(self) -> NDArray[np.float64]:
        """Return the numbers shown, with the header's ``shape``, as the front-end decodes them."""
        encoding = self.header["encoding"]
        packed = Packed(self.array("cells").copy(), encoding.get("scale"), encoding.get("offset"))
        return unpack(packed).reshape(self.header["shape"])


def frame_of(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Frame:
    """Join arrays into one payload and write their places into the header."""
    places: dict[str, dict[str, object]] = {}
    parts: list[bytes] = []
    offset = 0
    for name, array in arrays.items():
        code = _CODES[array.dtype.str[1:]]
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        places[name] = {"dtype": code, "offset": offset, "length": int(array.size)}
        data += bytes(-len(data) % ALIGNMENT)
        parts.append(data)
        offset += len(data)
    return Frame({**header, "arrays": places}, b"".join(parts))
