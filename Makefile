# One job per uploaded file, on AWS. `make help` lists the commands.

PYTHON ?= python3
SCENARIOS ?=
INPUT ?=
MODE ?=
ARCHITECTURE ?= x86_64
EVENT_SOURCE ?= s3
STACK ?= uploads
PARAMETERS ?=
SECONDS ?= 600
PROCESSES ?= 5
EVENT ?= events/s3-put.json
IMAGE ?=
BASE ?=
PINS ?= worker/requirements.txt worker/build-requirements.txt

ENV = build/env
DEV = $(ENV)/dev/bin
INSTALLED = $(ENV)/dev/.installed $(ENV)/sam/.installed $(ENV)/ministack/.installed
KERNEL = worker/processing/kernel.so

export SAM_CLI_TELEMETRY = 0
# boto3, and so SAM and taskcat, read AWS_DEFAULT_REGION alone; aws-cli and other SDKs prefer AWS_REGION.
ifdef AWS_REGION
override export AWS_DEFAULT_REGION = $(AWS_REGION)
endif
# As they were typed, whether before `make` or after it: neither make nor a shell reads them. What comes
# from the environment is not expanded on its way, and what comes as an argument would be.
AS_TYPED = JOB PROCESSOR COMMAND OUTPUT_SUFFIX JOB_ENVIRONMENT KEY
$(foreach name,$(AS_TYPED),$(if $(filter command,$(word 1,$(origin $(name)))),\
  $(eval override export $(name) := $$(value $(name)))))
# `sam` calls make again for the layer; our flags are not its business.
unexport MAKEFLAGS MFLAGS MAKELEVEL
# The tests start some thousand processes, and each would compile anew what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL = help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## run a job on the embedded AWS [INPUT=file JOB=folder PROCESSOR=module:function|COMMAND=... SCENARIOS="lambda fargate cloudtrail hybrid own-bucket"]
	@$(DEV)/python -m local.demo $(if $(INPUT),--input "$(INPUT)") $(if $(SCENARIOS),--scenarios $(SCENARIOS))

# Every environment: other tools than ours are for tests, and the licences are those of all.
ALL_INSTALLED = $(patsubst requirements/%.txt,$(ENV)/%/.installed,\
  $(filter-out requirements/uv.txt,$(wildcard requirements/*.txt)))

# Tests that share something expensive run in one process: tests/conftest.py.
SIDE_BY_SIDE = -n $(PROCESSES)

.PHONY: test
test: setup ## run every test that this machine can run, some side by side [PROCESSES=5]
	@$(MAKE_COMMAND) --no-print-directory --jobs=4 $(ALL_INSTALLED)
	$(DEV)/python -m pytest -rs $(SIDE_BY_SIDE) tests

.PHONY: check
check: setup ## lint and unit tests, side by side, for the time between two changes
	@$(MAKE_COMMAND) --no-print-directory --jobs=2 --output-sync=target lint unit

.PHONY: unit
unit: setup $(ENV)/supply/.installed ## the unit tests alone
	$(DEV)/python -m pytest -q $(SIDE_BY_SIDE) tests/unit

.PHONY: load
load: setup $(ENV)/bench/.installed ## the load and fault-injection tests in their long size; docs/LOAD.md [SCENARIOS="lambda hybrid" UPLOADS=20000 TASK_UPLOADS=2000 SEED=7 BUSY=4: real uploads only, of these, so many, on a busy machine]
	LOAD=long LOAD_SCENARIOS="$(SCENARIOS)" LOAD_UPLOADS=$(UPLOADS) LOAD_TASK_UPLOADS=$(TASK_UPLOADS) LOAD_SEED=$(SEED) LOAD_BUSY=$(BUSY) \
	  $(DEV)/python -m pytest -rs tests/load$(if $(SCENARIOS),/test_uploads.py -k exactly_one)
	@$(DEV)/python -m tests.load.document

.PHONY: soak
soak: setup $(ENV)/bench/.installed ## change and sweep a live stack again and again: what is kept levels off; docs/LOAD.md [SWEEPS=100]
	LOAD=long LOAD_SWEEPS=$(SWEEPS) $(DEV)/python -m pytest -rs tests/load/soak.py
	@$(DEV)/python -m tests.load.document

.PHONY: fuzz
fuzz: setup ## look for a file that ends in neither an output nor a rejection [SECONDS=600 for each format]
	FUZZ=$(SECONDS) $(DEV)/python -m pytest -rs tests/hostile/test_fuzz.py

.PHONY: bench
bench: setup $(ENV)/peer/.installed $(ENV)/bench/.installed ## measure the job: a table, build/bench.json and a plot [ARGS=--quick]
	@$(DEV)/python -m bench --plot $(ARGS)

.PHONY: bench-sweep
bench-sweep: setup ## measure the sweep on a simulated bucket [UPLOADS=1000000 LATENCY_MS=150 HASHES=1 RUN_SECONDS=840]
	@PYTHONPATH=worker:functions/sweep $(DEV)/python -m bench.sweep $(UPLOADS) $(if $(LATENCY_MS),--latency-ms $(LATENCY_MS)) \
	  $(if $(HASHES),--hashes) $(if $(RUN_SECONDS),--run-seconds $(RUN_SECONDS))

.PHONY: bench-backfill
bench-backfill: setup ## measure the starts of runs of the sweep, on simulated services [MODE=fargate RATE=50 LATENCY_MS=150 RUNS=20]
	@PYTHONPATH=worker:functions/sweep $(DEV)/python -m bench.backfill $(if $(MODE),--mode $(MODE)) \
	  $(if $(RATE),--rate $(RATE)) $(if $(LATENCY_MS),--latency-ms $(LATENCY_MS)) $(if $(RUNS),--runs $(RUNS))

.PHONY: cost
cost: setup $(ENV)/bench/.installed ## what a month costs [ARGS="--uploads 50000 --mode hybrid"; ARGS=--write: docs/COST.md]
	@PYTHONPATH=worker:functions/sweep:functions/launch $(DEV)/python -m economics cost $(ARGS)

.PHONY: simulate
simulate: setup $(ENV)/bench/.installed ## what is limited, and when [ARGS="--uploads 5000 --mode fargate"; ARGS=--write: docs/ARCHITECTURE.md]
	@PYTHONPATH=worker:functions/sweep:functions/launch $(DEV)/python -m economics simulate $(ARGS)

SCRIPTS = .ci/run functions/resources/build-image.sh $(wildcard local/standin_lambda/*.sh) local/standin_lambda/bootstrap

.PHONY: lint
lint: setup $(ENV)/shellcheck/.installed ## check style, types, shell scripts and the template
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	$(DEV)/mypy || { echo 'A package without types (import-untyped) goes into tool.mypy.overrides of pyproject.toml.' >&2; exit 1; }
	$(ENV)/shellcheck/bin/shellcheck $(SCRIPTS)
	$(DEV)/cfn-lint -c I -- template.yaml
	$(ENV)/sam/bin/sam validate --region us-east-1 # its --lint is the same cfn-lint, with fewer rules

.PHONY: image
image: setup ## build the container image, with which the demo runs containers [IMAGE=worker:local BASE=... JOB=folder]
	@IMAGE="$(IMAGE)" BASE="$(BASE)" $(DEV)/python -m local.image

.PHONY: invoke
invoke: setup ## hand an event to the function in a container like Lambda's [EVENT=events/s3-put.json INPUT=file JOB=folder PROCESSOR=...|COMMAND=...]
	@PYTHONPATH=worker $(DEV)/python -m local.invoke $(EVENT) $(if $(INPUT),--input "$(INPUT)")

.PHONY: s3
s3: setup ## leave an S3 with the samples' objects running, for `sam local invoke`, until Ctrl-C [INPUT=file]
	@PYTHONPATH=worker $(DEV)/python -m local.s3 $(if $(INPUT),--input "$(INPUT)")

DEPLOYED = Mode=$(MODE) EventSource=$(EVENT_SOURCE) Architecture=$(ARCHITECTURE) $(PARAMETERS)

.PHONY: deploy
deploy: setup ## build and deploy to your AWS account [MODE=lambda|fargate|hybrid EVENT_SOURCE=s3|cloudtrail ARCHITECTURE=x86_64|arm64 STACK=uploads PARAMETERS="Network=public" JOB=folder PROCESSOR=...|COMMAND=...]
	@case "$(MODE)" in lambda|fargate|hybrid) ;; *) echo "MODE is lambda, fargate or hybrid, not '$(MODE)'" >&2; exit 2;; esac
	@PYTHONPATH=functions/resources $(DEV)/python -m operate.preflight "$(STACK)" $(DEPLOYED)
	PYTHON="$(CURDIR)/$(DEV)/python" ARCHITECTURE="$(ARCHITECTURE)" $(ENV)/sam/bin/sam build \
	  --parameter-overrides Architecture=$(ARCHITECTURE)
	@PYTHONPATH=functions/resources $(DEV)/python -m operate.preflight "$(STACK)" --built .aws-sam/build $(DEPLOYED)
	@$(DEV)/python -m tooling.own_job > build/own-job.yaml
	$(ENV)/sam/bin/sam deploy --stack-name "$(STACK)" --s3-prefix "$(STACK)" \
	  $(if $(AWS_DEFAULT_REGION),--region "$(AWS_DEFAULT_REGION)") --parameter-overrides $(DEPLOYED) \
	  "file://$(CURDIR)/build/own-job.yaml"

.PHONY: smoke
smoke: setup ## check that a deployed stack works [STACK=uploads INPUT=file KEEP=1]
	@PYTHONPATH=worker $(DEV)/python -m operate.smoke "$(STACK)" $(if $(INPUT),--input "$(INPUT)") $(if $(KEEP),--keep)

.PHONY: sweep
sweep: setup ## start the jobs of all uploads without a current result [STACK=uploads DRY_RUN=1 PREFIX=input/2026/ RATE=5 GIVEN_UP=1 REPROCESS=1]
	@PYTHONPATH=worker $(DEV)/python -m operate.sweep "$(STACK)" $(if $(DRY_RUN),--dry-run) \
	  $(if $(PREFIX),--prefix "$(PREFIX)") $(if $(RATE),--rate "$(RATE)") \
	  $(if $(GIVEN_UP),--given-up) $(if $(REPROCESS),--reprocess)

.PHONY: status
status: setup ## show the last results of a stack, and what waits, failed and runs; or one upload [STACK=uploads KEY=input/a.png JSON=1]
	@PYTHONPATH=worker $(DEV)/python -m operate.status "$(STACK)" $(if $(value KEY),--key="$$KEY") $(if $(JSON),--json)

.PHONY: destroy
destroy: setup ## delete a stack and its data, after asking [STACK=uploads KEEP_DATA=1 YES=1]
	@$(DEV)/python -m operate.destroy "$(STACK)" $(if $(KEEP_DATA),--keep-data) $(if $(YES),--yes)

.PHONY: taskcat
taskcat: setup $(ENV)/taskcat/.installed ## deploy in many regions of your AWS account [ARGS="--test-names lambda"]
	@$(DEV)/python -m operate.taskcat $(ARGS)

.PHONY: licences
licences: setup $(ALL_INSTALLED) ## list the licence of every pinned package; fail on GPL and on unknown ones [JOB=folder: and what it asks for]
	@$(DEV)/python -m supply.licences

.PHONY: sbom
sbom: setup $(ENV)/supply/.installed ## write the layer's bill of materials, CycloneDX, to build/sbom.json
	@$(ENV)/supply/bin/python -m supply.sbom

.PHONY: audit
audit: setup $(ENV)/supply/.installed ## ask the package index what is known against the layer's packages [PINS=requirements/*.txt]
	@$(ENV)/supply/bin/pip-audit --strict --require-hashes --disable-pip --vulnerability-service=pypi \
	  --progress-spinner=off $(PINS:%=--requirement=%) || { \
	  echo 'NOT AUDITED: a package is weak, or could not be looked up' >&2; exit 1; }

.PHONY: lock
lock: $(ENV)/uv/bin/uv ## pin what requirements/*.in and worker/*.in ask for
	@for file in requirements/*.in worker/*requirements.in; do \
	  $(ENV)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header "$$file" -o "$${file%.in}.txt" && echo "$${file%.in}.txt"; \
	done

.PHONY: clean
clean: ## remove all that was built
	rm -rf build .aws-sam $(KERNEL)

.PHONY: setup
setup: $(INSTALLED) $(KERNEL) ## make the environments that the other commands need

$(KERNEL): worker/processing/kernel.c worker/Makefile $(ENV)/dev/.installed
	@echo "compiling $@"
	@$(MAKE) -s -C worker kernel LAYER_TARGET=host PYTHON="$(CURDIR)/$(DEV)/python"

$(ENV)/uv/bin/uv: requirements/uv.txt
	@echo "setting up: uv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed")'
	@$(PYTHON) -m venv $(ENV)/uv
	@$(ENV)/uv/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r $<
	@touch $@

$(ENV)/%/.installed: requirements/%.txt $(ENV)/uv/bin/uv
	@echo "setting up: $*"
	@$(PYTHON) -m venv --clear --without-pip $(ENV)/$*
	@$(ENV)/uv/bin/uv pip sync --quiet --require-hashes --python $(ENV)/$*/bin/python $<
	@touch $@
