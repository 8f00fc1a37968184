"""The laboratories of the tests: they run jobs, and know nothing of each other."""

from __future__ import annotations

from portal.drivers.compute._ssh import transport_of


def test_each_runs_a_job(lab_a, lab_b):
    for lab in (lab_a, lab_b):
        job = lab.cluster.run("sbatch", "--parsable", "-N2", "--output=/dev/null", "--wrap=true")
        assert job.strip() in lab.cluster.states()


def test_one_is_reached_by_ssh_only(lab_a, lab_b):
    options = {k: v for k, v in lab_b.options.items() if k not in ("bin", "python")}
    there = transport_of(**options)
    seen = there.run([f"{lab_b.cluster.bin}/sinfo", "-hN", "-o%N"])
    assert set(seen.stdout.split()) == {"b1", "b2"}
    assert there.run(["id", "-un"]).stdout.strip() == lab_b.user
    assert "a1" in lab_a.cluster.run("sinfo", "-hN", "-o%N")
    there.close()
