"""The people of the suite's school, what its settings say about them, and who does what in the tests.

Each service has a pupil of its own for whatever changes an account, so that no test waits for another one's account.
"""

ROSTER = """Import-ID;Vorname;Nachname;Klasse;Rolle;Geburtsdatum
1;Paula;Postmann;3a;pupil;01.02.2017
2;Emil;Leserich;3a;pupil;02.02.2017
3;Fritz;Ablagemann;3a;pupil;03.02.2017
4;Wanda;Webermann;3a;pupil;04.02.2017
5;Tilo;Tunnelmann;3a;pupil;05.02.2017
6;Lena;Spaetmann;3a;pupil;06.02.2017
7;Nora;Niemalsen;3a;pupil;07.02.2017
8;Gesa;Gruppmann;4b;pupil;08.02.2016
9;Udo;Einzelmann;3a;pupil;09.02.2017
10;Karla;Klassmann;4c;pupil;10.02.2016
11;Viktor;Vorbeimann;3a;pupil;11.02.2017
12;Anna;Lehrmann;;teacher;
13;Stefan;Stabmann;;staff;
14;Erika;Extramann;;staff;
15;Olga;Officemann;;office;
16;Rosa;Raummann;3a;pupil;16.02.2017
17;Simone;Sambamann;3a;pupil;17.02.2017
18;Sina;Sicherpost;3a;pupil;18.02.2017
19;Georg;Geraetemann;3a;pupil;19.02.2017
20;Ilse;Immersicher;3a;pupil;20.02.2017
"""

OWN = {
    "submission": "paula.postmann",
    "submissions": "sina.sicherpost",
    "smtp": "georg.geraetemann",
    "imap": "emil.leserich",
    "imaps": "ilse.immersicher",
    "ftp": "fritz.ablagemann",
    "web": "wanda.webermann",
    "tunnel": "tilo.tunnelmann",
    "smb": "simone.sambamann",
}
IN_ROOM = "rosa.raummann"
LATE = "lena.spaetmann"
"""Who signs in to nothing before the test of what cannot be answered."""
CLOSED_TO = "nora.niemalsen"
CLOSED_SITE = "spiele.example"
GROUP_PUPIL, SINGLE_PUPIL, EXEMPT_CLASS_PUPIL, EXPIRED_PUPIL = (
    "gesa.gruppmann", "udo.einzelmann", "karla.klassmann", "viktor.vorbeimann"
)  # fmt: skip
TEACHER, STAFF, EXEMPT_STAFF, OFFICE = "anna.lehrmann", "stefan.stabmann", "erika.extramann", "olga.officemann"

KB, MB = 10**3, 10**6
ROOM = "127.0.12.1"
"""An address in a room of the school (and of this machine)."""

SETTINGS = {
    "server": {"watchdog": "60 s"},  # a part may be frozen for as long as a service waits for it
    "directory": {"argon2_memory": "1 MiB", "argon2_time": 1, "timeout": "2 s"},
    "network": {"rooms": {"lab": ["127.0.12.0/24"]}},
    "access": {
        "rules": [
            {"deny": ["mail", "files", "web"], "users": [CLOSED_TO]},
            {"deny": ["web"], "targets": [CLOSED_SITE]},
        ],
        "limits": {
            "roles": {
                "pupil": {"upload": "2 MB", "download": "2 MB"},
                "teacher": {"upload": "2500 kB", "download": "3 MB"},
            },
            "groups": {"klasse4b": {"upload": "2200 kB", "download": "1 MB"}},
            "users": {SINGLE_PUPIL: {"upload": "1 MB", "download": "2400 kB"}},
            "services": {
                service: {"roles": {"office": {"upload": size, "download": size}}}
                for service, size in (("mail", "1 MB"), ("files", "1200 kB"), ("web", "1400 kB"))
            },
            "rooms": {"lab": {"upload": "3 MB", "download": "3 MB"}},
        },
    },
}
"""Small limits keep the tests fast; staff has the default of 20 MB."""
EXEMPTIONS = ((EXPIRED_PUPIL, "30 MB", 3), (EXEMPT_STAFF, "25 MB", 3600), ("klasse4c", "2700 kB", 3600))
"""What was agreed with the carer from the start: with whom, how much, for how many seconds."""
