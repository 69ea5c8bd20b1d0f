"""Signatures of profiles, with each kind of certificate that a school may have."""

import subprocess
from pathlib import Path

import pytest

from appliance.autoconfig.signing import Signer
from appliance.daemon.tls import TlsError

CONTENT = b"<plist>\n\r\nnot to be changed\n</plist>"


def openssl(*words: object) -> bytes:
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60).stdout


def chain(folder: Path, *kind: str) -> None:
    """A root, an authority between, and a certificate for a server with a key of ``kind``; the chain has the middle."""
    subject = ("-subj", "/CN=root")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *subject,
            "-keyout", folder / "root.key", "-out", folder / "root.pem", "-days", 9)  # fmt: skip
    for name, signer, extension, more in (
        ("middle", "root", "basicConstraints=critical,CA:TRUE", ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")),
        ("leaf", "middle", "extendedKeyUsage=serverAuth", kind),
    ):
        (folder / "extensions").write_text(extension)
        openssl("req", "-newkey", *more, "-nodes", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
                "-out", folder / f"{name}.csr")  # fmt: skip
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / f"{signer}.pem", "-CAkey",
                folder / f"{signer}.key", "-out", folder / f"{name}.pem", "-days", 9,
                "-extfile", folder / "extensions")  # fmt: skip
    (folder / "cert.pem").write_bytes((folder / "leaf.pem").read_bytes() + (folder / "middle.pem").read_bytes())
    (folder / "key.pem").write_bytes((folder / "leaf.key").read_bytes())


@pytest.mark.parametrize("kind", [("rsa:2048",), ("ec", "-pkeyopt", "ec_paramgen_curve:P-384")], ids=["rsa", "ec"])
def test_a_signature_holds_the_chain(tmp_path: Path, kind: tuple[str, ...]) -> None:
    chain(tmp_path, *kind)
    (tmp_path / "signed").write_bytes(Signer(tmp_path).sign(CONTENT))
    openssl("cms", "-verify", "-binary", "-inform", "DER", "-in", tmp_path / "signed", "-CAfile", tmp_path / "root.pem",
            "-purpose", "sslserver", "-out", tmp_path / "content")  # fmt: skip
    assert (tmp_path / "content").read_bytes() == CONTENT


def test_a_key_that_cms_does_not_know_signs_nothing(tmp_path: Path) -> None:
    chain(tmp_path, "ed25519")
    assert Signer(tmp_path).sign(CONTENT) == CONTENT


@pytest.mark.parametrize(("name", "content"), [("cert.pem", b"nothing"), ("key.pem", b"nothing"), ("key.pem", None)])
def test_what_cannot_sign_is_told_with_its_file(tmp_path: Path, name: str, content: bytes | None) -> None:
    chain(tmp_path, "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TlsError, match=r"pem"):
        Signer(tmp_path)
