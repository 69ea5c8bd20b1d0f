import ssl

import pytest

from appliance.directory.trust import Trust, explained


def failure(code, text="unable to get local issuer certificate"):
    error = ssl.SSLCertVerificationError(1, text)
    error.verify_code, error.verify_message = code, text
    return error


def nonsense():
    error = ssl.SSLError(1, "x")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (failure(62), "for another name"),
        (failure(64), "for another name"),
        (failure(10), "has expired"),
        (failure(9), "not valid yet"),
        (failure(20), "signed by nobody that ca knows (unable to get local issuer certificate)"),
        (nonsense(), "does not speak TLS there (WRONG_VERSION_NUMBER)"),
        (FileNotFoundError(2, "x"), "the file of ca is missing"),
        (ConnectionResetError(104, "x"), "no answer from the directory (ConnectionResetError)"),
    ],
)
def test_each_failure_says_what_to_look_at(error, words):
    assert words in explained(error)


def test_certificates_and_names_are_checked():
    context = Trust().context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_file_is_read_at_each_connection(tmp_path):
    with pytest.raises(FileNotFoundError):
        Trust(tmp_path / "ca.pem").context()
