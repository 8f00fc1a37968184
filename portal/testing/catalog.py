"""CatalogTests: what every catalog driver must do."""

from __future__ import annotations

import json
import math
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from portal.core.contracts import (
    Catalog,
    SupportsFingerprint,
    SupportsHarvest,
)
from portal.core.facility import DriverConfig
from portal.core.item import Item
from portal.core.plugins import CATALOGS, build_driver
from portal.core.stac import from_pystac, to_pystac
from portal.core.variable import Dimension
from portal.errors import PortalError, UnknownItem

if TYPE_CHECKING:
    import xarray as xr


class CatalogTests:
    """Subclass it and give two fixtures; the others have defaults.

    ``config``
        The :class:`~portal.core.facility.DriverConfig` that builds the catalog: the entry-point
        name and options that can be written as JSON, since runs rebuild the catalog from them.
    ``local_id``
        The local id of a dataset that it holds, one with an array.

    >>> class TestMyCatalog(CatalogTests):
    ...     @pytest.fixture
    ...     def config(self):
    ...         return DriverConfig("mine", {"path": "/data"})
    ...
    ...     @pytest.fixture
    ...     def local_id(self):
    ...         return "temperature"
    """

    @pytest.fixture
    def facility(self) -> str:
        """The id of the facility."""
        return "here"

    @pytest.fixture
    def catalog(self, config: DriverConfig, facility: str) -> Catalog:
        """The catalog, built as the federation builds it."""
        built: Catalog = build_driver(CATALOGS, config, facility)
        return built

    @pytest.fixture
    def items(self, catalog: Catalog) -> list[Item]:
        """All of its records."""
        return list(catalog.items())

    @pytest.fixture
    def item(self, items: list[Item], local_id: str) -> Item:
        """The record of ``local_id``."""
        found = {item.local_id: item for item in items}
        assert local_id in found, f"the catalog holds {', '.join(found)}, not {local_id}"
        return found[local_id]

    def test_it_meets_the_contract(self, catalog: Catalog) -> None:
        assert isinstance(catalog, Catalog)

    def test_ids_are_of_the_facility_and_differ(self, items: list[Item], facility: str) -> None:
        ids = [item.id for item in items]
        assert ids
        assert len(set(ids)) == len(ids)
        assert {item.facility for item in items} == {facility}
        assert all(item.id == f"{facility}:{item.local_id}" for item in items)

    def test_records_are_valid_stac(self, items: list[Item]) -> None:
        from pystac.stac_object import STACObjectType

        validator = _offline_validator()
        for item in items:
            document = item.to_stac()
            validator.validate_core(document, STACObjectType.ITEM, document["stac_version"], None)

    def test_dimensions_follow_the_datacube_extension(self, items: list[Item]) -> None:
        for item in items:
            for dimension in item.dimensions:
                _check_dimension(item, dimension)
            names = {dimension.name for dimension in item.dimensions}
            for variable in item.variables:
                assert set(variable.dims) <= names, f"{item.id}: {variable.name}{variable.dims}"

    def test_records_round_trip(self, items: list[Item], facility: str) -> None:
        for item in items:
            assert Item.from_stac(item.to_stac(), facility) == item
            again = from_pystac(to_pystac(item), facility)
            assert (again.bbox, again.interval, again.variables) == (
                item.bbox,
                item.interval,
                item.variables,
            )

    def test_records_say_what_they_are(self, items: list[Item]) -> None:
        for item in items:
            assert item.title.strip(), item.id
            assert item.license, item.id
            if not opens(item):
                assert item.links, f"{item.id}: neither data nor a link to how to get it"

    def test_listing_twice_gives_the_same(self, catalog: Catalog, items: list[Item]) -> None:
        assert {item.id: item for item in catalog.items()} == {item.id: item for item in items}

    def test_open_is_lazy(self, catalog: Catalog, item: Item) -> None:
        with catalog.open(item) as dataset:
            arrays = [v for v in dataset.data_vars.values() if v.ndim]
            assert arrays
            for array in arrays:
                assert array.chunks is not None, f"{array.name} is no Dask array"

    def test_the_record_tells_what_opens(self, catalog: Catalog, items: list[Item]) -> None:
        for item in filter(opens, items):
            with catalog.open(item) as dataset:
                _check_agreement(item, dataset)

    def test_a_record_without_data_says_how_to_get_it(
        self, catalog: Catalog, items: list[Item]
    ) -> None:
        for item in items:
            if not opens(item):
                with pytest.raises(PortalError) as caught:
                    catalog.open(item)
                assert caught.value.advice

    def test_the_dataset_reaches_another_process(self, catalog: Catalog, item: Item) -> None:
        with catalog.open(item) as dataset:
            sent = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - its own bytes
            name = next(str(n) for n, v in dataset.data_vars.items() if v.ndim)
            corner = dict.fromkeys(dataset[name].dims, 0)
            assert sent[name][corner].compute().equals(dataset[name][corner].compute())

    def test_a_run_can_rebuild_it(self, config: DriverConfig, facility: str, item: Item) -> None:
        written = json.loads(json.dumps(config.to_dict()))
        rebuilt = build_driver(CATALOGS, DriverConfig.from_dict(written), facility)
        sent = Item.from_stac(json.loads(item.text), facility)
        with rebuilt.open(sent) as dataset:
            _check_agreement(item, dataset)

    def test_an_unknown_record_is_refused(self, catalog: Catalog, facility: str) -> None:
        unknown = Item.build(
            facility, "no-such-dataset", title="none", created="2020-01-01T00:00:00Z"
        )
        with pytest.raises(UnknownItem) as caught:
            catalog.open(unknown)
        assert caught.value.advice

    def test_the_fingerprint_holds_still(self, config: DriverConfig, facility: str) -> None:
        first, second = (build_driver(CATALOGS, config, facility) for _ in range(2))
        if isinstance(first, SupportsFingerprint):
            assert first.fingerprint() == first.fingerprint() == second.fingerprint()
            assert first.fingerprint()

    def test_a_harvest_gives_every_record_and_goes_on(
        self, catalog: Catalog, items: list[Item]
    ) -> None:
        if not isinstance(catalog, SupportsHarvest):
            return
        batches = list(catalog.batches(None))
        assert batches
        assert all(batch.cursor for batch in batches)
        assert {i.id: i for b in batches for i in b.items} == {i.id: i for i in items}
        rest = [i.id for b in catalog.batches(batches[0].cursor) for i in b.items]
        later = [i.id for b in batches[1:] for i in b.items]
        assert set(later) <= set(rest)
        again = [i for b in catalog.batches(batches[-1].cursor) for i in b.items]
        assert {i.id for i in again} <= {i.id for i in items}


def opens(item: Item) -> bool:
    """Whether a record says that it has data."""
    return any("data" in asset.roles for asset in item.assets.values())


def _offline_validator() -> Any:
    """A validator that has STAC's own schemas and asks nobody for others."""
    from pystac.validation import JsonSchemaSTACValidator

    class Offline(JsonSchemaSTACValidator):
        def _get_schema(self, schema_uri: str) -> Any:
            assert schema_uri in self.schema_cache, f"{schema_uri} would be asked of the network"
            return super()._get_schema(schema_uri)

    return Offline()


def _check_dimension(item: Item, dimension: Dimension) -> None:
    """The rules of the datacube extension 2.2 for dimensions."""
    where = f"{item.id}: {dimension}"
    assert dimension.extent is not None, f"{where}: an extent is required"
    if dimension.kind == "spatial":
        assert dimension.axis in ("x", "y", "z"), where
    else:
        assert dimension.axis is None, f"{where}: only spatial dimensions have an axis"
    if dimension.kind == "temporal":
        assert all(isinstance(end, str) for end in dimension.extent), where
    else:
        assert all(math.isfinite(end) for end in dimension.extent), where


def _check_agreement(item: Item, dataset: xr.Dataset) -> None:
    """The record's variables and dimensions are those of the dataset, as far as it tells them.

    A record that tells the dimensions of its variables tells all variables; one that does not,
    from a service that knows names and units only, may tell some.
    """
    if not item.variables:
        return
    told_names = {v.name for v in item.variables}
    names = {str(n) for n in dataset.data_vars}
    if item.dimensions:
        assert told_names == names, item.id
    assert told_names <= names, item.id
    for variable in item.variables:
        array = dataset[variable.name]
        attrs = array.attrs
        seen = {
            "dims": array.dims,
            "units": str(attrs.get("units", "")),
            "standard_name": str(attrs.get("standard_name", "")),
            "long_name": str(attrs.get("long_name", "")),
            "dtype": str(array.dtype),
        }
        for key, value in seen.items():
            told = getattr(variable, key)
            needed = item.dimensions and key != "dtype"
            assert told == value or not (told or needed), f"{item.id}: {variable.name}, {key}"
    for dimension in item.dimensions:
        if dimension.size is not None:
            assert dataset.sizes[dimension.name] == dimension.size, f"{item.id}: {dimension.name}"
