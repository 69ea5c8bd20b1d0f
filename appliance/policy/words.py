"""Words that many people take for a password, in German schools first; written without case, umlauts and accents.

Found inside a password by :func:`appliance.policy.passwords.problems`; a made password contains none of them either,
which is why some that a school would not like to print are here too. None has fewer than four letters. Beside them, the
ways that fingers take over a keyboard.
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
mickymaus mickeymouse micky mickey minnie donald duck dagobert entenhausen goofy bambi dumbo nemo olaf simba shrek
asterix obelix idefix lucky luke pumuckl janosch biene maja benjamin bluemchen bibi blocksberg spongebob schlumpf
schlumpfine pippi langstrumpf paddington garfield snoopy bugs bunny winnie pooh conni raffi paw patrol ninjago chase
harry potter hermine granger dumbledore voldemort gandalf frodo hobbit vader yoda skywalker ironman hulk thor avengers
luigi yoshi sonic kirby creeper steve herobrine charizard glumanda bisasam schiggy naruto pikatchu songoku vegeta
messi ronaldo neymar mbappe musiala kroos neuer hummels lewandowski haaland beckham taylor swift rihanna beyonce
computer laptop internet handy windows linux apple samsung iphone
hund katze hase maus pferd pony tiger loewe drache dragon monkey shadow hamster kaninchen delfin
mama papa oma opa mutter vater bruder schwester familie baby
michael thomas andreas stefan daniel sabine claudia alexander maximilian sebastian florian lukas leon emma mia hannah
lena sophie marie anna laura julia sarah lisa paul felix jonas
noah finn elias matteo luca henry theo oskar anton jakob moritz julian tobias simon david niklas philipp jannik kevin
dennis marcel patrick markus martin peter klaus juergen wolfgang sandra nicole stefanie susanne petra monika katrin
jessica vanessa lara charlotte clara johanna luisa emilia amelie lina nele mila ella katharina christian christina
schnuffi schnucki mausi hasi baerchen spatz spatzi killer ninja pirat cowboy soldat
schokolade banane erdbeere pizza kuchen nutella
letmein trustno abcd abcde abcdef abcdefg abcabc qwert qwertz qwertzu qwertzuiop qwerty qwertyuiop asdf asdfg asdfgh
asdfghjkl yxcv yxcvb yxcvbnm zxcvbnm qayx qayxsw qazwsx wasd
1234 12345 123456 1234567 12345678 123456789 1234567890 4321 54321 654321 87654321 987654321 0815 4711 1111 0000
112233 121212 123123 abc123 a1b2c3
arsch hure nutte fick sex1 popo kaka pipi puta nude naked porno nazi hitler nega
"""

_ROWS = "qwertzuiop qwertyuiop asdfghjkl yxcvbnm zxcvbnm 1qay 1qaz 2wsx 3edc 4rfv 5tgb 6zhn 6yhn 7ujm 8ik 9ol"
_OTHER_WAYS = """
1234567890 1q2w3e4r5t6z7u8i9o0p 1q2w3e4r5t6y7u8i9o0p qawsedrftgzhujikolp qawsedrftgyhujikolp aysxdcfvgbhnjm
azsxdcfvgbhnjm abcdefghijklmnopqrstuvwxyz
"""


def _steps(ways: str, length: int) -> set[str]:
    forwards = {way[start : start + length] for way in ways.split() for start in range(len(way) - length + 1)}
    return forwards | {step[::-1] for step in forwards}


KEYBOARD_STEPS: frozenset[str] = frozenset(_steps(_ROWS, 3) | _steps(_OTHER_WAYS, 4))
"""Pieces of three and four keys of which each such way over a keyboard is made, German or English, there and back."""

COMMON_WORDS: frozenset[str] = frozenset(word for word in _TEXT.split() if len(word) > 3)
