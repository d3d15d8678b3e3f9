#!/bin/sh
# Golden plans: see README.md. Run by `make test-plan`.
exec "${O:-build/release}/unit/plan" golden
