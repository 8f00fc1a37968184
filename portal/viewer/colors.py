"""Colour maps, as evenly spaced control points between which colours are mixed linearly.

All are perceptually even and can be told apart by colour-blind readers; a name with ``_r`` added or
taken away is the map reversed. 33 points of 256, unless said; mixed linearly they differ from the
full tables by at most 3 of 255 (cividis: 6).

===============================================  =====================================================
viridis, magma, inferno, plasma                  matplotlib 3.11; Stéfan van der Walt, Nathaniel Smith
                                                 and Eric Firing; CC0
cividis                                          matplotlib 3.11; Jamie Nuñez, Christopher Anderton
                                                 and Ryan Renslow, doi:10.1371/journal.pone.0199239;
                                                 CC0
batlow, vik, oleron (all 256 points, because it  cmcrameri 1.10; Fabio Crameri, Scientific colour maps,
jumps at sea level), romaO, batlowS (its first   doi:10.5281/zenodo.1243862; MIT
24 colours, for categories)
thermal, haline, algae, rain, ice                cmocean 4.0.3; Kristen Thyng and others,
                                                 doi:10.5670/oceanog.2016.66; MIT
RdBu_r, BrBG, PuOr                               the eleven classes of ColorBrewer 2.0; Cynthia Brewer;
                                                 Apache-2.0
===============================================  =====================================================
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"
CATEGORICAL = "batlowS"

COLOR_MAPS: Mapping[str, str] = MappingProxyType(
    {
        "viridis": (
            "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e"
            "26828e23898e21908c1f978b1f9f8821a68527ad8131b57b3ebc744dc26c5cc8636ece5882d34d95d840"
            "aadc32c0df25d5e21aeae51afde725"
        ),
        "cividis": (
            "00224e00285b002e6a0533711a386f273e6e32436d3b496c434e6c4b546c535a6d5a5f6e61656f686a71"
            "6f70737676767c7c788381798b8778928d789a9376a29975aaa073b3a670bbad6dc3b369ccba64d4c15f"
            "ddc858e6d051efd748f8df3cfee838"
        ),
        "magma": (
            "0000040303120a0822130d341d114729115a36106b440f7650127c5d177f691c817621818226818f2a81"
            "9c2e7fa9337db6367ac33b75cf4070db476ae65164ee5c5ef46a5cf9785dfb8861fd9668fea571feb47b"
            "fec287fed194fde0a1fceeb0fcfdbf"
        ),
        "inferno": (
            "0000040403120b0724150b37210c4a2f0a5b3d09654a0c6b56106e63156e70196e7d1e6d89226a962766"
            "a32c61af315bbb3654c63d4dd14545da4f3ce35932eb6529f1721ef67f14f98c0afb9b06fcaa0ffbba1f"
            "f9c932f5d949f2e865f3f586fcffa4"
        ),
        "plasma": (
            "0d08872206903105973f049c4c02a15901a56600a77201a87e03a88909a59511a19f1a9ca92395b32c8e"
            "bc3587c43e7fcc4678d25071d9596adf6263e56b5deb7556f07f4ff48a48f89441fb9f3afdab33feb72d"
            "fdc328fcd025f9dd25f5eb27f0f921"
        ),
        "batlow": (
            "01195908255b0d315d0f3b5f114360134b611752621b59622260612b655e356a59406f534d734d597745"
            "667b3e747e3882823290862da0892bb08d2ebf9035ce923fdc954ce8985bf19d6cf8a27efca891fdaea2"
            "fdb4b4fdbac4fcbfd6fbc6e8faccfa"
        ),
        "thermal": (
            "042333052943082e540e316719337c27349139339e49369f563b9c6141986d4694774b9182508f8d548c"
            "985889a45c86b05f82bc627dc86676d36a6ede7065e7765bef7e51f58749f99242fb9e3efcaa3cfbb73d"
            "f9c441f7d246f3df4ceeed53e8fa5b"
        ),
        "haline": (
            "2a186c2d1a7f2e1d932a25a12034a216409d0f4a980c53940f5b9015638e1c6a8c22718a2977892e7e89"
            "338588388c883c92873f998644a18449a8824faf7e56b77a60be756bc46e78cb6889d0619cd55cafd95d"
            "c1dd64d2e16fe1e57cf0ea8afdef9a"
        ),
        "algae": (
            "d7f9d0cdf2c4c3ebb9b9e4adafdda2a4d6989ad08d8fca8384c47a79be716db86860b26051ad5940a754"
            "2fa1521f9b511294500a8e4f07864d087f4b0c7849107146146a4316623f185b3b1954371a4d331a472e"
            "19402918392416321f142b1a122414"
        ),
        "rain": (
            "eeedf3e8e5e6e3dcdaded4cbdbcbbcd6c3accfbc9cc3b791b6b38aa8ae859baa808da57c7fa177709c74"
            "60987150936e3e8e6e2c896e1c836e0f7c6e06756e036e6d05676c0c5f6a1458671a50631f485d234157"
            "25395125324a252a4423233e221b38"
        ),
        "ice": (
            "0406130b0d1e13132a1a1a3521204128264e2e2c5a3332673839743c3f813e478e3f4f9a3f57a33e60ab"
            "3e69b04072b4427ab74683ba4b8bbd5194c0579cc35fa5c667adc970b5cd7abed085c6d392ced7a0d6dc"
            "afdde1bee5e7cdecefdcf4f6eafdfd"
        ),
        "grey": "141414f0f0f0",
        "RdBu_r": "0530612166ac4393c392c5ded1e5f0f7f7f7fddbc7f4a582d6604db2182b67001f",
        "BrBG": "5430058c510abf812ddfc27df6e8c3f5f5f5c7eae580cdc135978f01665e003c30",
        "PuOr": "7f3b08b35806e08214fdb863fee0b6f7f7f7d8daebb2abd28073ac5427882d004b",
        "vik": (
            "001261021f69022b710237790344810551890c5e921b6d9c2f7ca6478cb1609dbc79adc792bdd2acccdd"
            "c5dbe6dde6e9ece6e1eedacfe9cbb9e3bba4dcab8fd69c7bcf8d67c97f55c37242bd6431b3531fa5400f"
            "942f06832106741506670a07590008"
        ),
        "oleron": (
            "1a26591b285b1d295c1e2b5e202c5f212e61232f622431642632652834672935682b376a2c386b2e3a6d"
            "2f3b6f313d70323f723440733542753743763945783a477a3c487b3d4a7d3f4b7e414d80424f82445083"
            "4552854754874955884a578a4c598c4e5a8d4f5c8f515e91535f925461945663965864975966995b689b"
            "5d699c5e6b9e606da0626fa26470a36572a56774a76975a96b77aa6c79ac6e7bae707db0727eb17380b3"
            "7582b57784b77985b87a87ba7c89bc7e8bbe808dc0828ec18390c38592c58794c78996c98b97ca8d99cc"
            "8e9bce909dd0929fd294a1d396a2d598a4d799a6d99ba8db9daadc9facdea1ade0a3afe1a4b1e3a6b3e5"
            "a8b5e6aab7e8acb8e9adbaeaafbcecb1bdedb2bfeeb4c1efb6c2f0b7c4f1b9c6f2bac7f3bcc9f3bdcaf4"
            "bfcbf4c0cdf5c2cef5c3d0f6c4d1f6c6d2f7c7d4f7c8d5f8cad6f8cbd8f8ccd9f9cedaf9cfdcf9d0ddfa"
            "d2defad3e0fad4e1fbd6e2fbd7e4fbd8e5fcdae6fcdbe8fcdce9fddeeafddfecfde0edfee2eefee3f0fe"
            "e4f1ffe6f2ff1a4c001d4d001f4e00224f00254f002750002a51002c51002f5200315300335400355400"
            "3855003a56003c56003e5700405700425800445900465900495a014b5b014d5c014f5c02515d02535e02"
            "555f035760045a60055c61065e620760630963640a65660c67670e6a68106c69126e6a14716c16736d18"
            "756e1a78701d7a711f7c72217e742381752583762885782a87792c8a7b2e8c7c318e7d33907f35928037"
            "94823a97833c99843e9b86409d87439f8945a18a47a38c49a68d4ca88f4eaa9050ac9253ae9355b19557"
            "b39759b5985cb79a5eba9c60bc9d63be9f65c1a167c3a36ac5a46cc7a66ecaa871ccaa73ceac75d1ad78"
            "d3af7ad5b17cd7b37fd9b581dcb684deb886e0ba89e2bc8be4be8ee5c090e7c293e9c495eac598ecc79a"
            "edc99deecb9ff0cda2f1cea4f2d0a7f2d2a9f3d4abf4d5aef5d7b0f5d9b2f6dab5f6dcb7f7deb9f7dfbc"
            "f7e1bef8e2c0f8e4c3f8e6c5f9e7c7f9e9c9f9eaccfaeccefaeed0faefd3fbf1d5fbf3d7fbf4dafbf6dc"
            "fcf8defcf9e1fcfbe3fdfde6"
        ),
        "romaO": (
            "73395779384c7e3942843d3a8b4433924d2f99582ca2662caa742fb38536bd9741c6a951cfbb65d4ca7a"
            "d6d68fd3dea2cce1b2c0e1beb0ddc79fd6cc8ccccf7abfce69b2cb5da3c75494c04f86b84f76ae5267a1"
            "5859935f4d836644746c3d65723959"
        ),
        "batlowS": (
            "011959faccfa828231226061f19d6b4d734d114360fdb4b4c09036175262fcbfd6fca890356a590d315d"
            "a18a2b677b3edd954d08255bfdaea2fbc6e8b18d2fcf934091862d2b655e"
        ),
    }
)
"""Hexadecimal RGB of the control points, six digits each, lowest value first."""

SYMLOG_SPAN = 1e-3
"""Part of the larger limit within which a symlog scale is nearly linear."""
LOG_SPAN = 1e-6
"""Lower limit of a logarithm, as part of the upper one, where the limit given is not above zero."""


def reversed_name(name: str) -> str:
    """Return the name of the reversed map."""
    return name[:-2] if name.endswith("_r") else f"{name}_r"


def is_color_map(name: str) -> bool:
    """Whether a map of this name, or its reverse, is held."""
    return name in COLOR_MAPS or reversed_name(name) in COLOR_MAPS


def color_points(name: str) -> NDArray[np.uint8]:
    """Return the control points of a map or of its reverse.

    Parameters
    ----------
    name
        One for which `is_color_map` holds.

    Returns
    -------
    Red, green and blue, shape (points, 3), lowest value first.

    Raises
    ------
    KeyError
        There is no such map.
    """
    import numpy as np

    held = name if name in COLOR_MAPS else reversed_name(name)
    points = np.frombuffer(bytes.fromhex(COLOR_MAPS[held]), np.uint8).reshape(-1, 3)
    return points if held == name else points[::-1]


def color_table(name: str, steps: int = 256) -> NDArray[np.uint8]:
    """Return even steps of a map, mixed linearly; those of a categorical map are its own colours.

    Parameters
    ----------
    name
        One for which `is_color_map` holds.
    steps
        How many; a categorical map gives what it has.

    Returns
    -------
    Red, green and blue, shape (steps, 3).
    """
    import numpy as np

    points = color_points(name)
    if CATEGORICAL in {name, reversed_name(name)}:
        return points
    at = np.linspace(0, len(points) - 1, steps) if steps > 1 else np.array([(len(points) - 1) / 2])
    mixed = [np.interp(at, np.arange(len(points)), points[:, c]) for c in range(3)]
    # Halves go up, as they do in the front-end.
    return np.floor(np.stack(mixed, axis=1) + 0.5).astype(np.uint8)


def colored(
    values: NDArray[np.generic],
    name: str,
    limits: tuple[float, float],
    scale: str = "linear",
    categories: Sequence[float] = (),
) -> NDArray[np.uint8]:
    """Colour values as the front-end does, for pictures that are made without it.

    Parameters
    ----------
    values
        Real numbers of any shape.
    name
        One for which `is_color_map` holds.
    limits
        Values of the first and last colour.
    scale
        ``linear``, ``log`` or ``symlog``.
    categories
        Values that have a colour each; all others have none.

    Returns
    -------
    Red, green, blue and opacity, shape (…, 4); what is not a number is transparent.
    """
    import numpy as np

    numbers = np.asarray(values, dtype=np.float64)
    if len(categories):
        return _by_category(numbers, name, categories)
    table = color_table(name)
    parts = np.arange(1, len(table)) / len(table)
    steps = np.searchsorted(_bounds(limits, scale, parts), numbers, side="right")
    rgba = np.zeros((*numbers.shape, 4), np.uint8)
    rgba[..., :3] = table[np.minimum(steps, len(table) - 1)]
    rgba[..., 3] = 255
    rgba[np.isnan(numbers)] = 0
    return rgba


def _bounds(
    limits: tuple[float, float], scale: str, parts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values at parts of the way between the limits: `scaleAxis` of the front-end's look.ts."""
    import numpy as np

    low, high = limits
    if scale == "log" and high > 0:
        low = low if low > 0 else high * LOG_SPAN
        return np.asarray(np.exp(np.log(low) * (1 - parts) + np.log(high) * parts))
    if scale == "symlog":
        width = max(abs(low), abs(high)) * SYMLOG_SPAN or 1.0
        ends = np.arcsinh(low / width), np.arcsinh(high / width)
        return np.asarray(width * np.sinh(ends[0] * (1 - parts) + ends[1] * parts))
    return low * (1 - parts) + high * parts


def _by_category(
    numbers: NDArray[np.float64], name: str, categories: Sequence[float]
) -> NDArray[np.uint8]:
    import numpy as np

    table = color_table(name, len(categories))
    rgba = np.zeros((*numbers.shape, 4), np.uint8)
    for i, value in enumerate(categories):
        rgba[numbers == value] = (*table[i % len(table)], 255)
    return rgba
