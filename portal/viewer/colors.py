"""Colour maps, as evenly spaced control points between which colours are mixed linearly.

``viridis`` and ``cividis`` are 33 points of matplotlib 3.11's tables (viridis by Stéfan van der Walt,
Nathaniel Smith and Eric Firing, CC0; cividis by Jamie Nuñez, Christopher Anderton and Ryan Renslow,
doi:10.1371/journal.pone.0199239, CC0); mixed linearly they differ from the full tables by at most
3 and 5 of 255. ``RdBu_r`` is the eleven-class RdBu of ColorBrewer 2.0 (Cynthia Brewer, Apache-2.0),
reversed, so that larger is red.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"

COLOR_MAPS: Mapping[str, str] = MappingProxyType(
    {
        "viridis": (
            "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e26828e"
            "23898e21918c1f988b1fa08822a78528ae8032b67a3fbc734ec36b5ec96270cf5784d44b98d83eaddc30c2df23"
            "d8e219ece51bfde725"
        ),
        "cividis": (
            "00224e00285b002e6a0533711a386f273e6e32436d3b496c434e6c4b546c535a6d5a5f6e61656f686a716f7073"
            "7676767d7c788482798c8878938e789b9476a39a74aba072b4a76fbcae6cc4b468cdbb63d5c25edec958e7d150"
            "f0d846f9e03afee838"
        ),
        "RdBu_r": "0530612166ac4393c392c5ded1e5f0f7f7f7fddbc7f4a582d6604db2182b67001f",
        "grey": "141414f0f0f0",
    }
)
"""Hexadecimal RGB of the control points, six digits each, lowest value first."""
