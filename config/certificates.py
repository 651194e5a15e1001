"""A certificate authority of this installation's own, for trying calls between machines of one network.

Browsers give the camera to secure contexts only: https, or localhost. For anything lasting use a real
certificate (docs/operating.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Authority:
    """`root` is what other machines must trust; `certificate` (the chain) and `key` are the server's."""

    root: Path
    certificate: Path
    key: Path


def ensure(folder: Path, hosts: Iterable[str]) -> Authority:
    """The authority in `folder`, made once, and a certificate for these hosts, made anew when they change."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = Authority(folder / "earshot-ca.pem", folder / "server.pem", folder / "server.key")
    root_key, hosts_file = folder / "earshot-ca.key", folder / "hosts"
    if root_key.exists() and authority.root.exists():
        ca = trustme.CA.from_pem(authority.root.read_bytes(), root_key.read_bytes())
    else:
        ca = trustme.CA(organization_name="Earshot", organization_unit_name="local")
        ca.cert_pem.write_to_path(authority.root)
        _write_private(root_key, ca.private_key_pem.bytes())
        hosts_file.unlink(missing_ok=True)
    names = sorted(host.strip("[]") for host in hosts)
    if not hosts_file.exists() or hosts_file.read_text().split() != names or not authority.key.exists():
        leaf = ca.issue_cert(*names)
        authority.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        _write_private(authority.key, leaf.private_key_pem.bytes())
        hosts_file.write_text("\n".join(names))
    return authority


def _write_private(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)


def how_to_trust(root: Path) -> str:
    return f"""
Other machines must trust this installation's certificate authority once. Copy
    {root}
to them, and there:
    Debian, Ubuntu   cp earshot-ca.pem /usr/local/share/ca-certificates/earshot.crt && update-ca-certificates
    Chrome, Edge     Settings > Privacy and security > Security > Manage certificates > Authorities > Import
    Firefox          Settings > Privacy & Security > View Certificates > Authorities > Import
    macOS            double-click it, then in Keychain Access set it to "Always Trust"
    Android          Settings > Security > Encryption & credentials > Install a certificate > CA certificate
    iPhone, iPad     open it, then Settings > General > About > Certificate Trust Settings
"""
