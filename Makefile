# What a developer needs. Everything else is `go` as usual.

.PHONY: demo build test vet node e2e tools bench clean

# The whole cycle on invented data, then the site on http://localhost:8080. The program
# itself gets Ctrl-C and SIGTERM and stops its PostgreSQL.
demo: build
	@exec bin/passerelle demo

build:
	@CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/passerelle ./cmd/passerelle

# Everything that must be green before a change goes in. What is vetted whole is not vetted again
# package by package.
test: tools vet
	go test -vet=off -timeout 20m ./...
	$(MAKE) --no-print-directory node e2e

vet:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w):"; echo "$$unformatted"; exit 1; fi
	go vet ./...

# What runs in browsers, tested outside of one.
node:
	node --test $$(git ls-files 'web/*.test.mjs')

# The whole cycle, clicked through in a real Chromium. It builds the program it tests.
# LOOK=1 keeps every page as a picture in e2e/out.
e2e:
	cd e2e && npm ci --no-audit --no-fund --silent && npm test

# Programs that the tests look through the product's files with. Root gets them.
tools: bin/stripe-mock
	@missing=$$( \
	  for pair in chromium:chromium pdftoppm:poppler-utils zbarimg:zbar-tools xmllint:libxml2-utils ffmpeg:ffmpeg qpdf:qpdf /usr/sbin/pgbouncer:pgbouncer node:nodejs; do \
	    command -v $${pair%%:*} >/dev/null || echo $${pair##*:}; \
	  done; \
	  ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || [ -n "$$PG_BINDIR" ] || echo postgresql); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing:" $$missing; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
	  echo "The tests need these Debian packages:" $$missing; \
	  echo "Install them: sudo apt-get install" $$missing; exit 1; \
	fi

# Stripe's own check of what is asked of it.
bin/stripe-mock:
	@GOBIN=$(CURDIR)/bin go install github.com/stripe/stripe-mock@v0.203.0

# Beside hand-written SQL on the same PostgreSQL, in the same run.
bench: build
	@bin/passerelle bench redeem

# The tests' PostgreSQL server stays for the next run: this ends it.
clean:
	go run ./internal/pgtest/stop
	rm -rf bin
