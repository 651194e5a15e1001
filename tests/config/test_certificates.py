"""The local certificate authority: made once, and its certificate anew when the hosts change."""

from pathlib import Path

from config import certificates


def test_the_authority_stays_and_the_certificate_follows_the_hosts(tmp_path: Path) -> None:
    first = certificates.ensure(tmp_path, ["localhost", "[::1]"])
    root, leaf = first.root.read_bytes(), first.certificate.read_bytes()
    certificates.ensure(tmp_path, ["[::1]", "localhost"])
    assert first.certificate.read_bytes() == leaf
    certificates.ensure(tmp_path, ["localhost", "10.0.0.7"])
    assert first.certificate.read_bytes() != leaf
    assert first.root.read_bytes() == root


def test_private_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path / "tls", ["localhost"])
    for file in (made.key, tmp_path / "tls" / "earshot-ca.key"):
        assert file.stat().st_mode & 0o077 == 0
