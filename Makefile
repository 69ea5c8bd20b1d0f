# schoolserver: the two commands a newcomer needs are `make demo` and `make test`.
PYTHON = /usr/bin/python3
CATALOGS = $(patsubst %.po,%.mo,$(wildcard appliance/locale/*/LC_MESSAGES/*.po))
LINT = .lint
INTEGRATION = $(filter-out %/__pycache__,$(patsubst %/,%,$(wildcard tests/integration/*/)))
ONE_HALF = $(addprefix tests/integration/,audit auth backup backup_server fileshare kerberos mail supervisor)

.PHONY: demo test unit integration integration-one integration-other school soak deb lint bench deps deps-build deps-test catalogs clean

demo: deps catalogs
	$(PYTHON) -m appliance demo $(if $(STATE),--state $(STATE))

test: unit integration school

# The policy core carries every decision: all of its lines and branches are covered by its own unit tests.
unit: deps-test catalogs
	$(PYTHON) -m pytest -q -n 2 tests/unit --ignore=tests/unit/policy
	$(PYTHON) -m pytest -q -n 2 tests/unit/policy --cov=appliance/policy --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

# Two halves at a time, which take about as long: much of either is spent waiting for other programs.
integration: deps-test catalogs
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target integration-one integration-other

integration-one:
	$(PYTHON) -m pytest -q $(ONE_HALF) -m "not soak"

integration-other:
	$(PYTHON) -m pytest -q $(filter-out $(ONE_HALF),$(INTEGRATION)) -m "not soak"

# A whole school of booted Debian hosts on a network of their own (as root; elsewhere it says so and skips). What was
# installed once is kept in /var/cache/schoolserver-tests.
school: deb deps-test
	$(PYTHON) -m pytest -q tests/school -m "not soak"

# The same and everything that takes long.
soak: deb deps-test
	$(PYTHON) -m pytest -q -n 2 tests/unit --hypothesis-profile=search --timeout=3600
	$(PYTHON) -m pytest -q tests/integration -m soak
	$(PYTHON) -m pytest -q tests/school

# The packages, in dist/.
deb: deps-build
	./scripts/build-packages

deps:
	@./scripts/install-dependencies run-time

deps-build:
	@./scripts/install-dependencies build

deps-test:
	@./scripts/install-dependencies all

catalogs: $(CATALOGS)

%.mo: %.po
	msgfmt --check-format --check-domain --output-file=$@ $<

lint: $(LINT)/ready
	$(LINT)/bin/ruff check .
	$(LINT)/bin/ruff format --check .
	$(LINT)/bin/mypy

$(LINT)/ready: scripts/lint-requirements.txt | deps-test
	$(PYTHON) -m venv --clear --system-site-packages $(LINT)
	$(LINT)/bin/pip install --quiet --requirement scripts/lint-requirements.txt
	touch $@

bench: deps-test catalogs
	$(PYTHON) -m bench

clean:
	rm -rf $(LINT) .demo $(CATALOGS)
	find appliance tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
