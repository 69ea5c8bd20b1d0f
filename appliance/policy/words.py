"""Words that many people take for a password, in German schools first; written without case, umlauts and accents.

Found inside a password by :func:`appliance.policy.passwords.problems`; a made password contains none of them either,
which is why some that a school would not like to print are here too. None has fewer than four letters.
"""

from __future__ import annotations

_TEXT = """
passwort kennwort geheim password passwd secret zugang anmelden login willkommen welcome start anfang neustart
admin administrator root user benutzer gast guest test demo probe standard default changeme aendern master server
hallo tschuess servus moin danke bitte schatz schatzi liebe liebling love iloveyou ichliebedich engel angel prinzessin
princess sonne sonnenschein sunshine mond stern sterne blume einhorn unicorn regenbogen
schule grundschule gymnasium realschule hauptschule gesamtschule klasse lehrer lehrerin schueler schuelerin
kollegium sekretariat rektor pausenhof hausaufgabe unterricht ferien zeugnis mathe deutsch englisch sport
fruehling sommer herbst winter spring summer autumn januar februar maerz april juni juli august september oktober
november dezember january february march june july october december
montag dienstag mittwoch donnerstag freitag samstag sonntag monday tuesday wednesday thursday friday saturday sunday
ostern weihnachten silvester geburtstag
fussball handball football baseball basketball soccer bayern muenchen borussia dortmund schalke werder bremen
hamburg berlin koeln frankfurt stuttgart deutschland germany europa
minecraft fortnite roblox pokemon pikachu mario zelda nintendo playstation batman superman spiderman starwars
frozen elsa harrypotter hogwarts barbie lego tiktok youtube whatsapp snapchat instagram google facebook
computer laptop internet handy windows linux apple samsung iphone
hund katze hase maus pferd pony tiger loewe drache dragon monkey shadow hamster kaninchen delfin
mama papa oma opa mutter vater bruder schwester familie baby
michael thomas andreas stefan daniel sabine claudia alexander maximilian sebastian florian lukas leon emma mia hannah
lena sophie marie anna laura julia sarah lisa paul felix jonas
schnuffi schnucki mausi hasi baerchen spatz spatzi killer ninja pirat cowboy soldat
schokolade banane erdbeere pizza kuchen nutella
letmein trustno abcd abcde abcdef abcdefg abcabc qwert qwertz qwertzu qwertzuiop qwerty qwertyuiop asdf asdfg asdfgh
asdfghjkl yxcv yxcvb yxcvbnm zxcvbnm qayx qayxsw qazwsx wasd
1234 12345 123456 1234567 12345678 123456789 1234567890 4321 54321 654321 87654321 987654321 0815 4711 1111 0000
112233 121212 123123 abc123 a1b2c3
arsch hure nutte fick sex1 popo kaka pipi puta nude naked porno nazi hitler nega
"""

COMMON_WORDS: frozenset[str] = frozenset(word for word in _TEXT.split() if len(word) > 3)
