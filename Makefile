# Plugboard's commands: `make help` lists them. What they install stays in this checkout, git-ignored, but for the
# caches of Go, npm and pip.

SHELL         := /usr/bin/env bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help

STAGE         ?= local
EMULATOR      ?= ministack
EMULATOR_PORT ?= 4566
OUTPUTS       ?= localstack/outputs.json
# The tests have an emulator of their own, so that they leave alone what `make up` started.
TEST_PORT     ?= 4576

# The functions are built for the stage's processor (Architecture in infra/stages.go).
ARCH      := $(if $(filter local,$(STAGE)),amd64,arm64)
CLI_PLATFORMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64 windows-arm64
FUNCTIONS := $(patsubst functions/%/lambda/main.go,%,$(wildcard functions/*/lambda/main.go))

# The same flags for programs and tests, so that nothing is compiled twice.
export CGO_ENABLED := 0
export GOFLAGS     := $(filter-out -trimpath,$(GOFLAGS)) -trimpath
export EMULATOR
# The CDK CLI and its app run on the Node.js that infra/package.json pins, where npm has installed it.
export PATH := $(CURDIR)/infra/node_modules/.bin:$(PATH)

STEP       := localstack/step.sh
# Generated clients are not ours.
OUR_GO     := find . -name '*.go' -not -name '*.gen.go' -not -path '*/node_modules/*' -not -path './build/*'
CLIENTS    := shared/contract/clients
# openapi-generator comes from Maven Central.
OPENAPI_GENERATOR_VERSION := 7.17.0
OPENAPI_GENERATOR         := build/openapi-generator-cli-$(OPENAPI_GENERATOR_VERSION).jar
LOCALSTACK := build/localstack -emulator $(EMULATOR)

##@ Use it

demo: up cli ## Start and deploy all of it, and see the main job happen
	@go run ./localstack/demo -outputs $(OUTPUTS)

up: local-only ready ## Start the emulator, deploy the stack, write localstack/outputs.json
	@$(LOCALSTACK) -port $(EMULATOR_PORT) -outputs $(OUTPUTS) up

down: build/localstack ## Stop the emulator
	@$(LOCALSTACK) -port $(EMULATOR_PORT) -outputs $(OUTPUTS) down

token: token-usage build/localstack ## Print a dashboard JWT, good for an hour: make token ACCOUNT=… USER=…
	@$(LOCALSTACK) token "$(ACCOUNT)" "$(USER)"

token-usage: # before anything is built
	@# USER is set in most shells, to somebody else.
	@[ "$(origin ACCOUNT),$(origin USER)" = "command line,command line" ] || { \
		echo "Say for whom: make token ACCOUNT=customer USER=ada. It prints a dashboard JWT that is good for an hour." >&2; exit 1; }

##@ Work on it

test: export NEEDS_BROWSER := yes
test: ready lint test-stack ## Everything: lint, the template, unit, store, flow, the deployed stack
	@$(LOCALSTACK) -port $(TEST_PORT) -outputs localstack/.state/$(TEST_PORT)/outputs.json with \
		$(MAKE) --no-print-directory test-functions test-deployed

check: lint ## While you type: lint, and the tests that need no emulator
	@echo "Testing what needs no emulator …"
	@go test $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}{{end}}' ./... \
		| grep -v -e /storetest -e /queuetest -e '^plugboard/infra ' -e /infra/deploy -e '^plugboard/localstack/' | cut -d' ' -f1)

test-faults: ready ## The fault suite, with what takes minutes: what was staged, and what became of every event
	@$(LOCALSTACK) -port $(TEST_PORT) -outputs localstack/.state/$(TEST_PORT)/outputs.json with \
		$(MAKE) --no-print-directory faults

lint: tools ## gofmt, 120 columns, go vet, staticcheck, and no skipped test
	@echo "Linting …"
	@files=$$(gofmt -l $$($(OUR_GO))); [ -z "$$files" ] || { echo "gofmt these: $$files" >&2; exit 1; }
	@long=$$($(OUR_GO) -exec env LC_ALL=C awk -f localstack/longlines.awk {} +) || { \
		echo "Longer than 120 columns:"; echo "$$long"; exit 1; } >&2
	@go vet ./...
	@go tool staticcheck ./...
	@! grep -rnE '\bt\.Skip(f|Now)?\(' --include='*_test.go' --exclude-dir=node_modules . || { echo "A skipped test proves nothing: make it run, or delete it." >&2; exit 1; }

inventory: tools ## Write the capability inventory and the OpenAPI document anew
	@go generate ./shared/contract/...

test-document: document-tools ## Lint the OpenAPI document; generate and compile clients of it in Go and TypeScript
	@echo "Linting the OpenAPI document …"
	@cd $(CLIENTS) && REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true node_modules/.bin/redocly lint ../openapi.json
	@$(STEP) build/typescript.log 5 "Generating and compiling a TypeScript client" bash -c 'cd $(CLIENTS)/typescript && \
		../node_modules/.bin/openapi-typescript ../../openapi.json --output plugboard.d.ts && \
		../node_modules/.bin/tsc --strict --noEmit --skipLibCheck false --allowImportingTsExtensions --module esnext --moduleResolution bundler use.ts'
	@$(STEP) build/go-client.log 10 "Generating and compiling a Go client" bash -c 'cd $(CLIENTS)/go && mkdir -p plugboard && \
		go tool oapi-codegen -package plugboard -o plugboard/plugboard.gen.go ../../openapi.json && go build ./...'

clients: $(OPENAPI_GENERATOR) ## Generate and build Go and Python clients by openapi-generator: minutes, and Java
	@command -v java >/dev/null || { echo "openapi-generator needs Java 11 or newer (on Debian: apt-get install default-jre-headless)." >&2; exit 1; }
	@# Its Python generator writes no type for a webhook's body, which is no Python then: it gets the document without webhooks.
	@rm -rf build/clients && mkdir -p build/clients && go tool gojq 'del(.webhooks)' shared/contract/openapi.json > build/clients/openapi.json
	@$(STEP) build/generated-clients.log 15 "Generating clients of the OpenAPI document" bash -c '$(foreach language,go python,\
		java -jar $(OPENAPI_GENERATOR) generate --generator-name $(language) --input-spec build/clients/openapi.json \
		--output build/clients/$(language) --package-name plugboard --git-user-id plugboard --git-repo-id plugboard $(GENERATOR_FLAGS) &&) true'
	@$(STEP) build/generated-go.log 10 "Building the Go client" bash -c 'cd build/clients/go && go mod tidy && go build ./...'
	@$(STEP) build/generated-python.log 10 "Building the Python client" bash -c 'cd build/clients/python && python3 -m venv .venv && \
		.venv/bin/pip install . && .venv/bin/python -c "import plugboard, pkgutil, importlib; \
		[importlib.import_module(m.name) for m in pkgutil.walk_packages(plugboard.__path__, \"plugboard.\")]"'
	@echo "build/clients/go, build/clients/python"

release-contract: tools ## Make the current contract the released one, against which breaking changes fail
	@go run ./shared/contract/release/publish

bench: ready ## Measure deliveries, alone and through the stack, and count what the main operations take of DynamoDB
	@go run ./localstack/bench
	@$(LOCALSTACK) -port $(TEST_PORT) -outputs localstack/.state/$(TEST_PORT)/outputs.json with \
		$(MAKE) --no-print-directory bench-deployed

bench-deployed: up
	@go run ./localstack/bench latency -outputs $(OUTPUTS)
	@$(if $(filter ministack,$(EMULATOR)),go run ./localstack/bench memory -outputs $(OUTPUTS))
	@env $(CREDENTIALS) go test ./functions -run '^$$' -bench Cost -benchtime 20x

simulate: ## A day in which endpoints are dead, at 10,000 deliveries a second: queues, breakers, retries, cost
	@go test ./functions/delivery -run Simulation -count 1 -v | sed -n 's/^ *simulation_test.go:[0-9]*: //p; /^FAIL/p; /^ok/p'

cli: tools ## Build plugboard, the partner's command line, for this machine: build/plugboard
	@go build -ldflags "-s -w" -o build/plugboard ./shared/cli/plugboard
	@echo build/plugboard

cli-all: tools ## Build plugboard for Linux, macOS and Windows: build/cli/
	@$(STEP) build/cli.log 10 "Building plugboard for each platform" bash -c 'for platform in $(CLI_PLATFORMS); do \
		GOOS=$${platform%-*} GOARCH=$${platform#*-} go build -ldflags "-s -w" -o build/cli/$$platform/ ./shared/cli/plugboard || exit; done'
	@ls build/cli/*/*

build: functions ## Build the functions; print their sizes, and how fast they start
	@[ $(ARCH) != amd64 ] || go run ./localstack/startup $(FUNCTIONS:%=build/$(ARCH)/%)

synth: ready ## Write the CloudFormation template: make synth STAGE=prod
	@keys=$$($(LOCALSTACK) keys); $(STEP) build/synth.log 5 "Synthesising the stack for $(STAGE)" \
		env --chdir=infra AWS_EC2_METADATA_DISABLED=true CDK_DISABLE_CLI_TELEMETRY=true node_modules/.bin/cdk synth \
		--quiet --no-notices --context stage=$(STAGE) --context placeholder-issuer=allowed --context jwks="$$keys" --output ../build/cdk.out/$(STAGE)
	@grep '^Warning: ' build/synth.log >&2 || true
	@echo "build/cdk.out/$(STAGE)/plugboard-$(STAGE).template.json"

bootstrap: cloud-only tools infra/node_modules/.package-lock.json ## Prepare an AWS account and region for CDK, once: make bootstrap STAGE=prod
	@mkdir -p build
	@$(DEPLOY) bootstrap

diff: cloud-only deployable ## Show what a deployment would change: make diff STAGE=prod
	@$(DEPLOY) diff

deploy: cloud-only deployable ## Deploy to AWS, after checks: make deploy STAGE=prod, and YES=1 where nobody can be asked
	@$(DEPLOY) deploy

smoke: tools ## Do the main job once on a deployed stack, and clear it away: make smoke STAGE=prod TOKEN=…, and ENDPOINT=https://…
	@TOKEN="$(TOKEN)" go run ./infra/smoke $(if $(filter local,$(STAGE)),-outputs $(OUTPUTS),-stack plugboard-$(STAGE)) -endpoint "$(ENDPOINT)"

redrive: tools ## Move dead letters back to where they died: make redrive STAGE=prod, and QUEUE=deliveries for one alone
	@$(if $(filter local,$(STAGE)),env $(CREDENTIALS) AWS_ENDPOINT_URL=$${AWS_ENDPOINT_URL:-http://127.0.0.1:$(EMULATOR_PORT)}) \
		go run ./infra/redrive -stack plugboard-$(STAGE) -queue "$(QUEUE)"

drawing: ready ## Print the picture of the stack, for README.md
	@cd infra && ../build/infra drawing

help: ## List these commands
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "Variables: STAGE=local|dev|prod, EMULATOR=ministack|localstack, EMULATOR_PORT=$(EMULATOR_PORT), TEST_PORT=$(TEST_PORT),"
	@echo "AWS_ENDPOINT_URL=… to use an emulator that already runs."

# The rest are parts of the above.

DEPLOY = go run ./infra/deploy -stage $(STAGE) $(if $(YES),-yes) $(if $(LOW_CONCURRENCY),-low-concurrency)

cloud-only:
	@[ $(STAGE) != local ] || { echo "This goes to an AWS account: say which stage, STAGE=dev or STAGE=prod. The local stage is for emulators: make up." >&2; exit 1; }

# What a deployment takes: the functions for the stage's processor, the CDK app and the CLI, and no emulator.
deployable: tools
	@$(MAKE) --no-print-directory --jobs=3 infra/node_modules/.package-lock.json functions build/infra

local-only:
	@[ $(STAGE) = local ] || { echo "This deploys the local stage to an emulator. To deploy to AWS: make deploy STAGE=$(STAGE)" >&2; exit 1; }

.PHONY: demo up down token test test-faults lint inventory release-contract bench simulate cli cli-all build synth bootstrap diff deploy smoke redrive drawing help
.PHONY: token-usage test-document document-tools clients
.PHONY: local-only cloud-only deployable ready tools installed compiled functions build/infra build/localstack test-stack test-functions test-deployed faults bench-deployed

test-stack: infra/.venv/installed
	@echo "Testing the stack's template …"
	@go test -v ./infra

# What the emulators take. Both test targets need AWS_ENDPOINT_URL; those below localstack/deployed read OUTPUTS.
CREDENTIALS := AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test

# axe-core looks at the console's pages.
CONSOLE_NPM := functions/console/npm/node_modules/.package-lock.json

$(CONSOLE_NPM): functions/console/npm/package-lock.json | tools
	@$(STEP) build/console-npm.log 5 "Installing axe-core" npm ci --prefix functions/console/npm --no-audit --no-fund --ignore-scripts
	@touch $@

test-functions: $(CONSOLE_NPM)
	@echo "Testing the functions and what they share …"
	@$(CREDENTIALS) go test -count=1 -timeout 30m $$(go list ./... | grep -v -e /infra$$ -e /localstack/deployed)
	@cat build/pages/*.txt

test-deployed: up
	@echo "Testing the deployed stack …"
	@$(CREDENTIALS) OUTPUTS=$(abspath $(OUTPUTS)) go test -count=1 ./localstack/deployed/...

# Both lists of faults; -v, as go test keeps to itself what a test prints that passes.
faults: up
	@echo "Testing with faults …"
	@$(CREDENTIALS) FAULTS=all OUTPUTS=$(abspath $(OUTPUTS)) go test -v -count=1 -p 1 -timeout 40m -run Faults ./localstack/faults ./localstack/deployed \
		| grep --line-buffered -v -e '^=== ' -e '^ *--- PASS' -e ' INFO '

# All that a deployment needs: the installs wait for the network, the builds for the compiler.
ready: tools
	@$(MAKE) --no-print-directory --jobs=4 installed functions build/infra

tools:
	@localstack/tools.sh

installed: build/localstack infra/node_modules/.package-lock.json
ifeq ($(EMULATOR),$(if $(AWS_ENDPOINT_URL),,ministack))
installed: localstack/.state/venv/installed
endif

# One command compiles what the programs are made of, each package once; the targets that need it only link.
PACKAGES := ./infra ./localstack $(if $(filter amd64,$(ARCH)),$(FUNCTIONS:%=./functions/%/lambda))
compiled: tools
	@$(STEP) build/compile.log 15 "Compiling (minutes the first time, then a second)" go list -export -tags lambda.norpc $(PACKAGES)

functions: compiled
	@$(STEP) build/functions.log 10 "Building the functions for $(ARCH)" bash -c 'for name in $(FUNCTIONS); do \
		GOOS=linux GOARCH=$(ARCH) go build -tags lambda.norpc -ldflags "-s -w" -o build/$(ARCH)/$$name/bootstrap ./functions/$$name/lambda || exit; done'

build/infra: compiled
	@$(STEP) build/infra.log 10 "Building the CDK app" go build -o $@ ./infra

build/localstack: compiled
	@go build -o $@ ./localstack

infra/node_modules/.package-lock.json: infra/package-lock.json | tools
	@$(STEP) build/npm.log 5 "Installing the CDK CLI" npm ci --prefix infra --no-audit --no-fund
	@touch $@

localstack/.state/venv/installed: localstack/requirements.txt | tools
	@$(STEP) build/ministack.log 5 "Installing MiniStack" bash -c 'python3 -m venv --clear $(@D) && $(@D)/bin/pip install --require-hashes -r $<'
	@touch $@

infra/.venv/installed: infra/requirements.txt | tools
	@$(STEP) build/cfn-lint.log 5 "Installing cfn-lint" bash -c 'python3 -m venv --clear $(@D) && $(@D)/bin/pip install --require-hashes -r $<'
	@touch $@

document-tools: tools $(CLIENTS)/node_modules/.package-lock.json

$(CLIENTS)/node_modules/.package-lock.json: $(CLIENTS)/package-lock.json
	@$(STEP) build/document-tools.log 5 "Installing what lints the OpenAPI document" npm ci --prefix $(CLIENTS) --no-audit --no-fund
	@touch $@

$(OPENAPI_GENERATOR):
	@command -v mvn >/dev/null || { echo "openapi-generator comes by Maven (on Debian: apt-get install maven)." >&2; exit 1; }
	@$(STEP) build/maven.log 10 "Installing openapi-generator" mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
		-Dartifact=org.openapitools:openapi-generator-cli:$(OPENAPI_GENERATOR_VERSION) -DoutputDirectory=$(CURDIR)/build
