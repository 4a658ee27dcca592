"""Each way to a server carries a whole migration, and is the only one that does."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import PORT, Lab, LabBench, need, vpn

from dtsrun.testing.certificates import Authority
from dtsrun.testing.ssh import SshServer, make_key


def moves_all(bench: LabBench, spec: Path) -> None:
    """Run a spec, and look whether the ends are equal and nothing is left."""
    bench.seed("small_shop.sql")
    done = bench.run(spec, "--yes")
    assert done.code == 0, done.said
    assert bench.differences() == []
    assert bench.memory_left() == []


def is_out_of_reach(bench: LabBench) -> bool:
    """Tell whether the runner fails to reach the source without the way that is tested."""
    done = bench.run("test", bench.lab_spec(), "--quick")
    return (done.code == 4 and "timeout" in done.said.lower()) or "does not answer" in done.said


def test_a_direct_line(lab_bench: LabBench) -> None:
    moves_all(lab_bench, lab_bench.lab_spec())


def test_a_vpn(lab: Lab, lab_bench: LabBench, tmp_path: Path) -> None:
    need("iptables")
    with vpn(lab, tmp_path) as address, lab.forbidden("runner", "source"):
        assert is_out_of_reach(lab_bench)
        where = {"type": "vpn", "gateway": "vpngw-1", "vpc": "vpc-1", "subnet": "subnet-1", "port": PORT}
        spec = lab_bench.lab_spec(source=lab_bench.way("source", {**where, "host": address}))
        # The independent comparer takes the way around, after this.
        lab_bench.seed("small_shop.sql")
        done = lab_bench.run(spec, "--yes")
        assert done.code == 0, done.said
    assert lab_bench.differences() == []


def test_an_ssh_jump_host(lab: Lab, lab_bench: LabBench, tmp_path: Path) -> None:
    need("iptables")
    key = make_key(tmp_path / "key")
    place = lab.places["jump"]
    server = SshServer(tmp_path / "sshd", key, address=lab.address("jump"))
    place.do(server.start)
    try:
        with lab.forbidden("runner", "source"), lab.forbidden("runner", "target"):
            assert is_out_of_reach(lab_bench)
            ends = {
                side: lab_bench.way(
                    side, {"type": "ssh", "host": lab.address(side), "port": PORT, "jump": server.jump(key)}
                )
                for side in ("source", "target")
            }
            lab_bench.seed("small_shop.sql")
            done = lab_bench.run(lab_bench.lab_spec(**ends), "--yes")
            assert done.code == 0, done.said
    finally:
        server.kill()
    assert lab_bench.differences() == []


def test_a_public_address_with_tls(lab: Lab, lab_bench: LabBench, tmp_path: Path) -> None:
    if not lab.has_tls:
        pytest.skip("networks: no installed server was built with TLS (those of the embedded extra are not)")
    (tmp_path / "root.crt").write_bytes(lab.authority.certificate)
    (tmp_path / "other.crt").write_bytes(Authority("other").certificate)

    def public(root: str) -> dict[str, object]:
        access = {"type": "public_network", "host": lab.address("source"), "port": PORT}
        return lab_bench.way("source", {**access, "tls": {"mode": "verify-full", "root_cert": root}})

    refused = lab_bench.run(lab_bench.lab_spec(source=public("other.crt")), "--yes")
    assert refused.code == 4, refused.said
    assert "certificate" in refused.said
    moves_all(lab_bench, lab_bench.lab_spec(source=public("root.crt")))
