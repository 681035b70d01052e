# The front door: every job that a person does is one target. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON := /usr/bin/python3
VENV := build/venv
PYTEST := $(VENV)/bin/python -m pytest

.PHONY: help
help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# LICENCE_KEY=FILE: the public key of the licences that the image takes (image/licence.py makes and uses the pair);
# without it the development key, which anybody can sign with. For all targets that build the disk.
LICENCE = $(if $(LICENCE_KEY),"--licence-key=$(LICENCE_KEY)")

# FORMATS="vmware kvm" KEY=FILE PACKAGES=FILE: see `python3 -m image.build --help`.
.PHONY: image
image: prepare  ## Build the appliance and its release folder, build/release/: FORMATS="vmware kvm" builds some.
	@$(PYTHON) -m image.build "--formats=$(FORMATS)" $(LICENCE) $(if $(KEY),"--key=$(KEY)") $(if $(PACKAGES),"--packages=$(PACKAGES)")

.PHONY: disk
disk: prepare  ## Build the appliance's disk alone, build/lbva.raw.
	@$(PYTHON) -m image.build --disk $(LICENCE)

.PHONY: reproducible
reproducible: prepare  ## Build the release twice, in different places, and compare every byte.
	@$(PYTHON) -m image.reproducible "--formats=$(FORMATS)"

.PHONY: test
test: check image build/rootfs.stamp  ## All that must hold before a change lands; boots the image. About an hour.
	@# The native tests wait more than they compute; each process of them has a network of its own.
	$(PYTEST) tests/image tests/browser --numprocesses=2 --dist=loadfile --junit-xml=build/report/native.xml
	$(PYTEST) tests/lab tests/system --junit-xml=build/report/junit.xml

.PHONY: check
check: venv  ## Lint, types and unit tests, in under a minute.
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(PYTEST) tests/unit

.PHONY: nightly
nightly: test reproducible bench bench-scale bench-failover bench-sensitivity bench-dataplane  ## Everything, with the figures and the long forms of tests.
	$(PYTEST) tests/image tests/browser tests/lab tests/system -m nightly --junit-xml=build/report/nightly.xml
	@$(MAKE) load PROFILE=failover
	@$(MAKE) bench-layer4  # fails when an aim is missed

.PHONY: bench
bench: venv disk  ## Measure size, build and boot times beside a plain Debian image in the same run.
	@$(VENV)/bin/python -m harness.bench

.PHONY: docs
docs: venv build/docs/steps/complete  ## Our deployment guide, build/docs/*.html and *.pdf, with pictures of this image.
	@$(VENV)/bin/python -m harness.guidebook

build/docs/steps/complete: build/lbva.stamp | venv
	$(PYTEST) tests/system/test_guide_browser.py

.PHONY: bench-scale
bench-scale: venv build/rootfs.stamp  ## Measure the management plane with 250 virtual services beside the daemons alone.
	@$(PYTEST) --quiet --capture=no tests/image/bench_scale.py

# OPTIONS: see `python -m harness.failover.bench --help`; `--continue` goes on where a bench was ended.
.PHONY: bench-failover
bench-failover: venv disk  ## Measure what failovers cost clients, beside keepalived's defaults. About 4 hours.
	@$(VENV)/bin/python -m harness.failover.bench --repeats $(or $(REPEATS),20) $(OPTIONS)

# OPTIONS: see `python -m harness.failover.layer4 --help`; ROUNDS=0 leaves the throughput out.
.PHONY: bench-layer4
bench-layer4: venv disk  ## Measure which connections outlive a failover at layer 4 and at layer 7, and the throughput of both. About 35 minutes.
	@status=0; $(VENV)/bin/python -m harness.failover.layer4 $(OPTIONS) || status=1; \
		$(VENV)/bin/python -m loadtests.dataplane.forwarding --rounds $(or $(ROUNDS),3) || status=1; exit $$status

.PHONY: bench-sensitivity
bench-sensitivity: venv disk  ## Measure how long a pause of the master each failover sensitivity lets pass. About 25 minutes.
	@$(VENV)/bin/python -m harness.failover.sensitivity --repeats $(or $(REPEATS),10)

# PROFILE= USERS= MINUTES= RAMP= PACE= KEEP_ALIVE= WORKERS= FRONT_ENDS= WEB=: see `python -m loadtests.run --help`.
LOAD = $(foreach option,USERS MINUTES RAMP PACE WORKERS WEB,$(if $($(option)),--$(shell echo $(option) | tr A-Z a-z) $($(option))))

.PHONY: load
load: venv disk  ## Load a pair as OCS's users do: PROFILE=steady, logon-storm, held, failover or soak; USERS=500 …
	@$(VENV)/bin/python -m loadtests.run --profile $(or $(PROFILE),steady) $(LOAD) \
		$(if $(KEEP_ALIVE),--keep-alive $(KEEP_ALIVE)) $(if $(FRONT_ENDS),--front-ends $(FRONT_ENDS))

# OPTIONS: see `python -m loadtests.dataplane.bench --help`.
.PHONY: bench-dataplane
bench-dataplane: venv disk  ## Measure the appliance's HAProxy beside other load balancers on one machine. About 20 minutes.
	@$(VENV)/bin/python -m loadtests.dataplane.bench $(OPTIONS)

.PHONY: format
format: venv  ## Format the Python code and fix what the linter can fix.
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

.PHONY: prepare
prepare:  ## Install the Debian packages that building and testing need (as root; other targets do it themselves).
	@test -x $(PYTHON) || { apt-get --quiet update && apt-get --quiet install --yes --no-install-recommends python3; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: use Debian 12 or 13")'
	@$(PYTHON) -m image.prepare

.PHONY: venv
venv: $(VENV)/.stamp

# The lock file names exact versions with hashes; `make lock` writes it.
$(VENV)/.stamp: requirements.txt pyproject.toml | prepare
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements.txt
	@$(VENV)/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

.PHONY: lock
lock: venv  ## Write requirements.txt anew from pyproject.toml.
	@$(VENV)/bin/python -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-emit-index-url --no-header --no-annotate pyproject.toml --output-file requirements.txt

# The appliance's tree, for the tests that run its daemons natively.
build/rootfs.stamp: build/lbva.stamp | venv
	@$(VENV)/bin/python -m image.rootfs build/lbva.raw build/rootfs
	@touch $@

build/lbva.stamp: | disk

.PHONY: clean
clean:  ## Remove all that was built, but not the caches.
	@rm -rf build/lbva* build/release build/rootfs* build/report build/bench

.PHONY: distclean
distclean:  ## Remove all that was built, caches and virtual environment too.
	@rm -rf build
