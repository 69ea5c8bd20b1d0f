"""A keytab byte by byte; ``tests/integration/kerberos/test_keytabs.py`` has MIT's own programs read one."""

from appliance.directory.domain.keytab_file import Key, keytab

ENTRY = (
    "00000060"  # bytes that follow
    "0002"  # parts of the name
    "000e 534348554c452e4558414d504c45"  # SCHULE.EXAMPLE
    "0004 696d6170"  # imap
    "0015 7365727665722e736368756c652e6578616d706c65"  # server.schule.example
    "00000002"  # what kind of name
    "00000000"  # when it was written: nobody asks
    "2c"  # the last byte of the key's number
    "0012"  # AES with 256 bits
    "0020 0000000000000000000000000000000000000000000000000000000000000001"
    "0000012c"  # the key's number, 300
)


def test_one_key():
    made = keytab("SCHULE.EXAMPLE", ["imap/server.schule.example"], [Key(18, 300, bytes(31) + b"\1")])
    assert made == b"\x05\x02" + bytes.fromhex(ENTRY)


def test_each_key_for_each_name():
    names, keys = ["imap/a", "imap/b"], [Key(18, 2, bytes(32)), Key(17, 2, bytes(16)), Key(18, 1, bytes(32))]
    alone = [keytab("R", [name], [key])[2:] for name in names for key in keys]
    assert keytab("R", names, iter(keys)) == b"\x05\x02" + b"".join(alone)


def test_nothing():
    assert keytab("R", [], []) == b"\x05\x02"
