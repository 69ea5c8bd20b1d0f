"""``/usr/bin/python3 -m appliance``: the command line, as the installed ``schoolserver`` command."""

from appliance.cli.main import main

if __name__ == "__main__":
    main()
