"""The web service: the school's filtered way to the internet over HTTP and CONNECT, with sign-in and limits."""
