"""The sample data give the figures that are known of them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from portal.errors import InvalidParameter
from portal.sample.analyses import turbidity_by_surface, warming
from portal.sample.catalog import SampleCatalog

#: Within 0.5 %.
CLOSE = 0.005


def open_sample(item_id: str) -> xr.Dataset:
    facility = item_id.partition(":")[0]
    catalog = SampleCatalog(facility, collection=facility)
    return catalog.open(next(item for item in catalog.items() if item.id == item_id))


@pytest.fixture(scope="module")
def turbidity() -> xr.Dataset:
    return open_sample("sandia:linke-turbidity")


@pytest.fixture(scope="module")
def relief() -> xr.Dataset:
    return open_sample("sandia:altitude")


@pytest.fixture(scope="module")
def by_surface(turbidity, relief) -> xr.Dataset:
    return turbidity_by_surface(turbidity, relief).compute()


def test_turbidity_over_land_and_ocean(by_surface):
    """The four figures count as land what is lower than 3000 m, and the rest as ocean."""
    figures = {
        "land_fraction": 0.2815,
        "land_mean": 3.303,
        "ocean_mean": 3.063,
        "global_mean": 3.1305,
    }
    for name, known in figures.items():
        assert by_surface[name].item() == pytest.approx(known, rel=CLOSE), name
        assert by_surface[name].item() == pytest.approx(known, rel=2e-4), name


def test_plain_numpy_gives_the_same(by_surface, turbidity, relief):
    mean = turbidity["linke_turbidity"].mean("time").to_numpy().astype(float)
    land = relief["altitude"].to_numpy() < 3000
    area = np.broadcast_to(np.cos(np.deg2rad(turbidity["lat"].to_numpy()))[:, None], land.shape)
    assert by_surface["land_fraction"].item() == pytest.approx(area[land].sum() / area.sum())
    for name, where in (("land_mean", land), ("ocean_mean", ~land)):
        known = np.average(mean[where], weights=area[where])
        assert by_surface[name].item() == pytest.approx(known, rel=1e-5)


def test_all_land_is_another_figure(turbidity, relief):
    every = turbidity_by_surface(turbidity, relief, below=9000.0)
    figures = [every[n].compute().item() for n in ("land_fraction", "land_mean", "ocean_mean")]
    assert figures == pytest.approx([0.2953, 3.2310, 3.0884], rel=2e-4)


def test_the_result_is_cf(by_surface):
    assert dict(by_surface.sizes) == {"lat": 2160, "lon": 4320, "time": 12}
    assert by_surface["annual_mean"].dims == ("lat", "lon")
    for name, variable in by_surface.data_vars.items():
        assert variable.attrs["units"] == "1", name
        assert variable.attrs["long_name"], name
    assert by_surface["land"].mean().item() == pytest.approx(by_surface["land_mean"].item())
    f = by_surface["land_fraction"].item()
    joined = f * by_surface["land_mean"].item() + (1 - f) * by_surface["ocean_mean"].item()
    assert joined == pytest.approx(by_surface["global_mean"].item())


def test_the_analysis_reads_nothing_until_asked(turbidity, relief):
    result = turbidity_by_surface(turbidity, relief)
    assert all(v.chunks is not None or v.ndim == 0 for v in result.data_vars.values())
    assert "dask" in type(result["land_mean"].data).__module__
    assert len(result.__dask_graph__()) < 2000


@pytest.mark.parametrize(("scenario", "kelvin"), [("a1b", 4.89), ("e1", 2.41)])
def test_warming_of_north_america(scenario, kelvin):
    data = open_sample(f"metoffice:{scenario}-north-america")
    result = warming(data).compute()
    assert result["warming"].item() == pytest.approx(kelvin, rel=CLOSE)
    assert result["warming"].attrs["units"] == "K"
    weights = np.cos(np.deg2rad(data["latitude"].to_numpy()))
    difference = result["local_warming"].to_numpy().mean(axis=1)
    assert np.average(difference, weights=weights) == pytest.approx(kelvin, rel=CLOSE)
    assert result["temperature"].sizes == {"time": 240}


def test_warming_refuses_spans_that_do_not_fit():
    with pytest.raises(InvalidParameter, match="years=120"):
        warming(open_sample("metoffice:e1-north-america"), years=121)


def test_a_dataset_of_another_kind_is_refused(turbidity, relief):
    with pytest.raises(InvalidParameter, match="linke_turbidity"):
        turbidity_by_surface(relief, relief)


def test_forms_can_be_built_from_the_parameters():
    below = turbidity_by_surface.schema()["properties"]["below"]
    assert below["default"] == 3000.0
    assert "m." in below["description"]
    with pytest.raises(InvalidParameter, match="years"):
        warming.split({"scenario": "x", "years": 0})


def test_carbon_dioxide_of_mauna_loa():
    co2 = open_sample("ornl:mauna-loa-co2")["co2"].compute()
    assert co2.sizes["time"] == 2284
    assert int(co2.isnull().sum()) == 59
    assert co2.sel(time="1958-03-29").item() == pytest.approx(316.1)
    assert co2.sel(time="2001-12-29").item() == pytest.approx(371.5)


def test_edge_of_copper_and_attenuation_of_silicon():
    edges = open_sample("aps:xray-edges")
    assert edges["edge_energy"].sel(atomic_number=29, level="K").compute().item() == 8979
    attenuation = open_sample("aps:xray-attenuation")
    silicon = attenuation.sel(atomic_number=14, energy=10_000)
    assert silicon["element"].item() == "Si"
    assert (silicon["total"] * silicon["density"]).compute().item() == pytest.approx(78.9, rel=1e-3)


def test_integrals_of_the_reference_spectra():
    spectra = open_sample("sandia:astm-g173").compute()
    assert spectra["global_tilted"].integrate("wavelength").item() == pytest.approx(
        1000.37, abs=0.01
    )
    assert spectra["direct"].integrate("wavelength").item() == pytest.approx(900.14, abs=0.01)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "file"), [("tmy3-sand-point", "703165TY.csv"), ("tmy3-greensboro", "723170TYA.CSV")])  # fmt: skip
def test_pvlib_reads_the_same_weather(name, file):
    from pathlib import Path

    import pvlib

    theirs, about = pvlib.iotools.read_tmy3(
        Path(pvlib.__file__).parent / "data" / file, coerce_year=2001
    )
    ours = open_sample(f"sandia:{name}").compute()
    assert ours["lat"].item() == about["latitude"]
    for variable in ("ghi", "dni", "dhi", "wind_speed", "pressure"):
        np.testing.assert_allclose(ours[variable], theirs[variable], rtol=1e-6)
    first = theirs.index[0].tz_convert("UTC").tz_localize(None)
    assert ours["time"].values[0] == np.datetime64(first)
    assert 1976 <= ours["source_year"].min() <= ours["source_year"].max() <= 2005


def test_ocean_months():
    nemo = open_sample("metoffice:nemo-sst")
    assert [t.strftime("%Y-%m-%d") for t in nemo["time"].values] == ["2015-01-16", "2015-02-16", "2015-03-16"]  # fmt: skip
    warmest = nemo["tos"].max(("y", "x")).to_numpy()
    assert warmest == pytest.approx([34.4533, 34.3983, 34.0917], abs=1e-3)
    ostia = open_sample("metoffice:ostia-monthly")["surface_temperature"]
    assert 295 < ostia.mean().compute().item() < 303
