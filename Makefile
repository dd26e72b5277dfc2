# The only entry points, at the desk and in CI. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test suite test-slow test-clients test-browser test-compose test-docs check lock format clean bench-first bench-page bench-read bench-read-long bench-write bench-write-long bench-router load load-ui scaling-report hold fault-write secrets image up down scale roll logs

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv with what the lock names (quick when nothing changed)

$(STAMP): requirements.lock pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Ringpost needs Python 3.11 or later, and $(PYTHON) is {v[0]}.{v[1]}. Try: make PYTHON=python3.13 install")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements.lock names into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e clients/python
	@touch $(STAMP)

run: install ## Start everything on this machine: Postgres, Valkey, router, gateways (Ctrl-C stops it)
	@exec $(BIN)/ringpost up $(ARGS)

check: install ## Lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --strict clients/python/ringpost_client
	@$(BIN)/pytest tests/unit/test_layers.py

test: install ## Check, and beside it the unit, integration, end-to-end and fault tests
	@$(MAKE) --no-print-directory -j 2 check suite

suite: install
	@$(BIN)/pytest -n 4 --dist loadfile -m "not slow and not docker" $(ARGS)

test-slow: install ## The tests that `make test` leaves out: the benchmarks' own, and a crowd that moves (some minutes)
	@$(BIN)/pytest -m slow $(ARGS)

test-clients: install ## Both clients: the shared vectors, their own tests, and chats through gateways that are killed
	@command -v npm > /dev/null || echo "npm is not there: the types of the JavaScript client are not checked"
	@! command -v npm > /dev/null || npm --prefix clients/js install --no-package-lock --no-audit --no-fund --silent \
	  || echo "npm could not install TypeScript: the types of the JavaScript client are not checked"
	@$(BIN)/pytest -rs tests/unit/test_client_*.py tests/unit/test_js_client.py tests/unit/test_web_page.py tests/integration/test_client*.py tests/integration/test_js_client*.py \
	  tests/faults/test_killed_client.py tests/e2e/test_clients_document.py $(ARGS)

test-browser: install ## The chat page in Chromium: two people, two tabs, a browser and gateways that are killed, hostile texts (minutes)
	@command -v chromium chromium-browser google-chrome > /dev/null || echo "chromium is not there: nothing is tried in a browser (Debian has it: apt-get install chromium)"
	@$(BIN)/pytest -rs tests/browser tests/integration/test_page.py tests/integration/test_js_browser.py $(ARGS)

bench-page: install ## Measure the page with 62,000 messages in a conversation, and have Lighthouse judge it (docs/benchmarks; some minutes)
	@$(BIN)/python -m tests.browser.bench $(ARGS)

test-docs: install ## Run every command that README.md and docs/ show, and compare what it prints (SLOW=1: those over 30 s too)
	@$(BIN)/pytest -rs -m "slow or not slow" tests/documents $(ARGS)

test-compose: install ## The system in Docker, scaled, restarted, killed, stopped and upgraded while people chat (some 8 minutes)
	@$(BIN)/pytest -m docker -rs -s tests/compose $(ARGS)

fault-write: install ## Kill write gateways 50 times and Postgres 10 times under load; count what breaks (some minutes)
	@$(BIN)/python -m tests.faults.storm --gateway-kills 50 --postgres-kills 10 $(ARGS)

bench-first: install ## Measure the whole path beside a FastAPI tutorial's chat (docs/benchmarks; some minutes)
	@$(BIN)/python -m tests.bench first $(ARGS)

bench-read: install ## Measure deliveries, idle connections and resumes beside a C loop, Bun and others (half an hour)
	@$(BIN)/python -m tests.bench read $(ARGS)

bench-read-long: install ## Measure a read gateway's memory over ten minutes of load
	@$(BIN)/python -m tests.bench read-long --rounds 1 --seconds 60 $(ARGS)

bench-write: install ## Measure sends up to the commit beside pgbench, asyncpg and the tutorial's chat (some minutes)
	@$(BIN)/python -m tests.bench write $(ARGS)

bench-write-long: install ## Measure a gateway's memory at ten times the load that it can take (some minutes)
	@$(BIN)/python -m tests.bench write-long --rounds 3 --seconds 60 $(ARGS)

bench-router: install ## Measure both planes beside HAProxy, nginx and a cable, in network namespaces (some minutes; root)
	@$(BIN)/python -m tests.bench router $(ARGS)

secrets: ## Make the secrets of a Docker deployment, those that are missing (deploy/secrets)
	@deploy/make-secrets

image: ## Build the Docker image that the router, the gateways and the migration share
	@docker compose build --quiet migrate

up: ## Start all of it in Docker, and wait until it serves (`make secrets` first)
	@docker compose up -d --wait $(ARGS)

down: ## Stop what runs in Docker; the data stay
	@docker compose down $(ARGS)

scale: ## Run so many gateways in Docker: make scale READ=4 WRITE=2
	@RINGPOST_READ=$(or $(READ),$(RINGPOST_READ),2) RINGPOST_WRITE=$(or $(WRITE),$(RINGPOST_WRITE),1) \
	  docker compose up -d --wait --no-deps --no-recreate read write

roll: image ## Put the image as it is now in the place of what runs in Docker, while people chat
	@deploy/roll $(ARGS)

logs: ## Follow the logs of what runs in Docker
	@docker compose logs --follow --tail 50 $(ARGS)

load: install ## People who chat, by locust, checked: make load MIX=messenger|slack USERS=200 SECONDS=60, against the system named
	@$(BIN)/python -m tests.load --mix $(or $(MIX),messenger) --users $(or $(USERS),200) --seconds $(or $(SECONDS),60) $(ARGS)

load-ui: install ## The same, started and watched in a browser (http://localhost:8089)
	@$(BIN)/python -m tests.load --ui --mix $(or $(MIX),messenger) --users $(or $(USERS),200) $(ARGS)

scaling-report: install ## The same load against 1, 2, 4 read and 1, 2 write gateways, up to the knee (docs/benchmarks; some minutes)
	@$(BIN)/python -m tests.bench.scaling --out docs/benchmarks $(ARGS)

hold: install ## Hold 95,000 WebSocket connections, kill a gateway, see all come back (docs/benchmarks; some 6 minutes; root)
	@$(BIN)/python -m tests.bench.hold --connections $(or $(CONNECTIONS),95000) $(ARGS)

format: install ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# The same versions, of what the image has in it and of what builds its wheels.
SUBLOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock

lock: install ## Resolve the dependencies anew (needs uv on the PATH)
	@uv pip compile pyproject.toml clients/python/pyproject.toml --extra local --extra dev --extra load --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade -o requirements.lock
	@uv pip compile pyproject.toml clients/python/pyproject.toml $(SUBLOCK) -o deploy/requirements.lock
	@uv pip compile pyproject.toml clients/python/pyproject.toml --extra load $(SUBLOCK) -o deploy/load.lock
	@echo hatchling | uv pip compile - $(SUBLOCK) -o deploy/build.lock

clean: ## Remove .venv and caches (not the data of `make run`)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
