"""Zarr stores in one zip file: what it unpacks to is weighed before anything of it is read."""

from __future__ import annotations

from portal.drivers.catalogs._place import Place
from portal.drivers.catalogs._reach import shown
from portal.errors import TooLarge, Unreadable

#: Deflate packs 1,032 bytes into one at most; a file that declares more holds something else.
MOST_PACKED = 1_032
#: Bytes that one file of a zip may unpack to: a chunk is smaller.
LARGEST_MEMBER = 2**30
#: Files in a zip.
MOST_MEMBERS = 1_000_000
_PLAIN = (0, 8)
_MARKS = frozenset({"zarr.json", ".zgroup", ".zmetadata", ".zarray"})


def unpacked(place: Place, size: int) -> Place:
    """Return the place of the Zarr store in a zip file.

    Parameters
    ----------
    size
        Bytes of the zip file.

    Raises
    ------
    TooLarge
        It declares more than it can hold, or a file in it is too large. Nothing was unpacked.
    Unreadable
        It is damaged, packed in another way, encrypted, or holds no Zarr store.
    """
    import zipfile

    from fsspec.implementations.zip import ZipFileSystem

    try:
        fs = ZipFileSystem(place.file(), skip_instance_cache=True)
        members = fs.zip.infolist()
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, NotImplementedError) as error:
        raise Unreadable(
            f"The zip file {shown(place.url)} cannot be read",
            found=f"{type(error).__name__}: {error}",
            advice="It is damaged or was not written to its end: copy it anew.",
        ) from error
    declared = sum(member.file_size for member in members)
    most = max((member.file_size for member in members), default=0)
    packed = sum(member.compress_size for member in members)
    if declared > MOST_PACKED * max(size, 1) or packed > size:
        raise TooLarge(
            f"The zip file {shown(place.url)} declares {declared:,} bytes",
            found=f"{size:,} bytes are stored",
            advice="Check who made it: so few bytes cannot hold as many. It was not unpacked.",
        )
    if most > LARGEST_MEMBER or len(members) > MOST_MEMBERS:
        raise TooLarge(
            f"The zip file {shown(place.url)} holds files that are too large, or too many",
            found=f"{len(members):,} files, the largest of {most:,} bytes",
            advice="Unpack it where you know what it holds, or ask for smaller chunks.",
        )
    odd = [m.filename for m in members if m.compress_type not in _PLAIN or m.flag_bits & 1]
    if odd:
        raise Unreadable(
            f"The zip file {shown(place.url)} is encrypted, or packed by other than deflate",
            found=odd[0][:200],
            advice="Write it anew: zarr.storage.ZipStore.",
        )
    names = {member.filename for member in members}
    tops = {name.partition("/")[0] for name in names}
    inner = "" if names & _MARKS else tops.pop() if len(tops) == 1 else ""
    if not names & {f"{inner}/{mark}".lstrip("/") for mark in _MARKS}:
        raise Unreadable(
            f"The zip file {shown(place.url)} holds no Zarr store",
            found=", ".join(sorted(names)[:5])[:200] or "nothing",
            advice="Write the store into it as it is: zarr.storage.ZipStore.",
        )
    return Place(fs, inner, place.reach, place.storage)
