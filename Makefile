# podmox: one Makefile for everything. `make help` lists the targets.
#
#   BUILD=release|debug|lint|asan|tsan|cov|fuzz   O=folder   CC=gcc|clang   WERROR=1   V=1
#   ROOM=name, T=pattern                     narrow the tests

BUILD   ?= release
O       ?= build/$(BUILD)
VERSION := 0.1.0
SONAME  := 0
OBJCOPY ?= objcopy

-include config.mk

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
PKG_CONFIG ?= pkg-config
CLANG      ?= clang
FUZZ_TIME  ?= 60
ifeq ($(origin CC),default)
CC := gcc
endif

MODULES := libcurl yaml-0.1 json-c libssl libcrypto libevent libevent_openssl libevent_pthreads zlib libgit2

# Asked for when the first recipe needs it, not when this file is read: `make deps` may install it.
once = $(eval $(1) := $(shell $(2)))$($(1))
DEPS_CFLAGS = $(call once,DEPS_CFLAGS,$(PKG_CONFIG) --cflags $(MODULES))
DEPS_LIBS   = $(call once,DEPS_LIBS,$(PKG_CONFIG) --libs $(MODULES))
TEST_LIBS   = $(call once,TEST_LIBS,$(PKG_CONFIG) --libs cmocka)

STD    := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -Iinclude -I$(O)/gen -include src/base/banned.h
# Warnings of the sanitizer builds are no errors: the compilers themselves say they see less there.
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
          -Wwrite-strings -Wpointer-arith -Wformat=2 -Wvla -Wundef -Wimplicit-fallthrough \
          -fno-common $(if $(WERROR),$(if $(filter release debug,$(BUILD)),-Werror))
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIC -fvisibility=hidden -pthread
LINK   := -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed

FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2
FLAGS_debug   := -O1 -g3
FLAGS_lint    := -O0
FLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -g -fsanitize=thread
FLAGS_cov     := -O0 -g --coverage -fprofile-update=atomic
FLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
ifeq ($(FLAGS_$(BUILD)),)
$(error BUILD=$(BUILD) is not known; it is one of release debug lint asan tsan cov fuzz)
endif

COMPILE = $(STD) $(WARN) $(HARDEN) $(FLAGS_$(BUILD)) $(DEPS_CFLAGS) $(CFLAGS)
Q      := $(if $(V),,@)
say     = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# ---- rooms: the list and what each needs to link come from src/ROOMS ----

comma := ,
$(foreach l,$(shell awk -F: '/^[a-z]/ { gsub(/ +/, ",", $$2); print "uses_" $$1 ":=" $$2 }' \
	src/ROOMS),$(eval $(subst $(comma), ,$(l))))
ROOMS   := $(shell awk -F: '/^[a-z]/ { print $$1 }' src/ROOMS)
closure  = $(sort $(1) $(foreach r,$(filter $(ROOMS),$(uses_$(1))),$(call closure,$(r))))
sources  = $(foreach r,$(1),$(wildcard src/$(r)/*.c))
objects  = $(patsubst src/%.c,$(O)/%.o,$(1))
MAINS   := src/cli/main.c src/sim/main.c
SRC     := $(call sources,$(ROOMS))
OBJ     := $(call objects,$(SRC))
LIBOBJ  := $(call objects,$(filter-out $(MAINS),$(SRC)))
MANPAGES := $(if $(shell command -v scdoc),$(patsubst docs/man/%.scd,$(O)/man/%,$(wildcard docs/man/*.scd)))
LIBS    := $(O)/libpodmox.a $(O)/libpodmox.so.$(VERSION) $(O)/podmox.pc
PROGS   := $(if $(wildcard src/cli/main.c),$(O)/podmox) $(if $(wildcard src/sim/main.c),$(O)/podmox-sim)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all FORCE
all: $(OBJ) $(PROGS) $(LIBS) $(MANPAGES) $(O)/podmox.service
ifeq ($(O),build/release)
	$(if $(PROGS),@ln -sfn $(PROGS:build/%=%) build/)
endif

# Changes when the compiler or a flag changes, and says clearly what is missing.
$(O)/flags: FORCE
	@mkdir -p $(O)
	@for tool in $(CC) $(PKG_CONFIG); do command -v $$tool >/dev/null || { \
		echo "$$tool is not installed; run: make deps" >&2; exit 1; }; done
	@$(PKG_CONFIG) --print-errors --exists $(MODULES) || { \
		echo "libraries are missing; run: make deps" >&2; exit 1; }
	@echo '$(CC) $(COMPILE)' | cmp -s - $@ || echo '$(CC) $(COMPILE)' >$@

$(O)/gen/version.h: Makefile $(O)/gen/podmox/version.h
	@mkdir -p $(@D)
	@printf '/* Written by the Makefile. */\n#define PM_VERSION "%s"\n' '$(VERSION)' >$@
$(O)/gen/podmox/version.h: include/podmox/version.h.in Makefile
	@mkdir -p $(@D)
	@sed 's/@VERSION@/$(VERSION)/' $< >$@

$(O)/%.o: src/%.c $(O)/flags $(O)/gen/version.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMPILE) -MMD -MP -c -o $@ $<

$(O)/tests/%.o: tests/%.c $(O)/flags $(O)/gen/version.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMPILE) -Itests/unit -MMD -MP -c -o $@ $<

link = $(Q)$(CC) $(COMPILE) $(LINK) $(LDFLAGS) -o $@ $(filter %.o,$^)

$(O)/podmox: $(call objects,$(call sources,$(filter-out sim lib,$(ROOMS))))
	$(call say,LINK,$@)
	$(link) $(DEPS_LIBS)

$(O)/podmox-sim: $(call objects,$(call sources,base sim))
	$(call say,LINK,$@)
	$(link) $(DEPS_LIBS)

# The library: one object whose inner names are local, and the same shared.
EXAMPLES := $(wildcard docs/examples/*.c)
LIB_OBJ := $(call objects,$(call sources,$(call closure,lib)))
LIB_MODULES := libcurl yaml-0.1 json-c libssl libcrypto zlib
LIB_LIBS = $(call once,LIB_LIBS,$(PKG_CONFIG) --libs $(LIB_MODULES))
$(O)/libpodmox.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)$(LD) -r -o $(O)/libpodmox.o $(filter %.o,$^)
	$(Q)$(OBJCOPY) --localize-hidden $(O)/libpodmox.o
	$(Q)rm -f $@ && $(AR) rcD $@ $(O)/libpodmox.o
$(O)/libpodmox.so.$(VERSION): $(LIB_OBJ) src/lib/libpodmox.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(COMPILE) -shared -pthread -Wl,-soname,libpodmox.so.$(SONAME) -Wl,--version-script=src/lib/libpodmox.map \
		-Wl,-z,relro,-z,now -Wl,--as-needed $(if $(filter release debug,$(BUILD)),-Wl$(comma)-z$(comma)defs) \
		$(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB_LIBS)
$(O)/podmox.pc: src/lib/podmox.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@LIBDIR@,$(LIBDIR),' -e 's,@INCLUDEDIR@,$(INCLUDEDIR),' \
		-e 's,@VERSION@,$(VERSION),' -e 's/@MODULES@/$(LIB_MODULES)/' $< >$@

$(O)/podmox.service: src/daemon/podmox.service.in FORCE
	@sed -e 's,@BINDIR@,$(BINDIR),' $< >$@.new
	@cmp -s $@.new $@ && rm -f $@.new || mv -f $@.new $@

$(O)/man/%: docs/man/%.scd
	$(call say,MAN,$@)
	@mkdir -p $(@D)
	$(Q)scdoc <$< >$@

-include $(OBJ:.o=.d) $(wildcard $(O)/tests/*/*.d $(O)/tests/*/*/*.d)

# ---- unit tests: one program a room, linked with what the room may use. Tests of the rooms that talk to
#      a cluster also use the simulator's core, those of the planner manifests and PVE's answers, those
#      of validators the formats of manifests ----

$(foreach r,net pve exec recon daemon cli,$(eval UNIT_ALSO_$(r) := sim))
UNIT_ALSO_plan := manifest pve
UNIT_ALSO_security := model
unit_objects    = $(call objects,$(filter-out $(MAINS),$(call sources,$(sort \
	$(foreach r,$(1) $(UNIT_ALSO_$(1)),$(call closure,$(r))))))) \
	$(patsubst tests/%.c,$(O)/tests/%.o,$(filter-out $(if $(filter sim,$(UNIT_ALSO_$(1))),, \
	tests/unit/sim_transport.c),$(wildcard tests/unit/*.c tests/unit/$(1)/*.c)))

define unit_rule
$(O)/unit/$(1): $(unit_objects)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(link) $$(DEPS_LIBS) $$(TEST_LIBS)
endef
$(foreach r,$(ROOMS),$(eval $(call unit_rule,$(r))))

# What takes longest comes first, and in shares: nobody waits for it at the end.
ROOM  ?= $(foreach r,recon daemon $(filter-out recon daemon,$(ROOMS)),$(if $(wildcard tests/unit/$(r)/*.c),$(r)))
SHARES_recon := 0/4 1/4 2/4 3/4
shares = $(subst /,-of-,$(or $(SHARES_$(1)),0/1))
T     ?=
export ASAN_OPTIONS  ?= detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS  ?= halt_on_error=1:second_deadlock_stack=1

.PHONY: test-unit $(ROOM:%=run-unit-%) test-plan test-manifest test-scenario test-property test-trials test-lib test-chaos examples judges demo bench
test-unit: $(ROOM:%=run-unit-%)
	@test -n '$(strip $(ROOM))' || { echo 'no unit tests found under tests/unit' >&2; exit 1; }
define run_rule
run-unit-$(1): $(foreach s,$(call shares,$(1)),run-unit-$(1)-$(s))
$(foreach s,$(call shares,$(1)),run-unit-$(1)-$(s)): run-unit-$(1)-%: $(O)/unit/$(1)
	@$$(WRAP) $$< '$$(T)' $$(subst -of-,/,$$*)
endef
$(foreach r,$(ROOM),$(eval $(call run_rule,$(r))))

# Scripts get the programs and the narrowing through the environment.
script = @test -x $(1) || { echo "$(1) is not there: nothing to run" >&2; exit 1; }; \
	O='$(O)' PODMOX='$(O)/podmox' PODMOX_SIM='$(O)/podmox-sim' T='$(T)' $(1)

test-plan: $(O)/unit/plan
	$(call script,tests/plan/run.sh)
test-manifest: all
	$(call script,tests/manifest/run.sh)
test-scenario: all
	$(call script,tests/scenario/run.sh)
test-trials: all
	$(call script,tests/trials/run.sh)
# The examples once more, with the library's own objects, for the builds of the sanitizers.
$(O)/docs/%.o: docs/%.c $(O)/flags $(O)/gen/version.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMPILE) -MMD -MP -c -o $@ $<
$(O)/examples/%: $(O)/docs/examples/%.o $(LIB_OBJ)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(link) $(LIB_LIBS)
examples: $(EXAMPLES:docs/examples/%.c=$(O)/examples/%)
test-lib: all $(O)/podmox-sim
	@for b in asan tsan; do $(MAKE) --no-print-directory BUILD=$$b O=$(call side,$$b) examples || exit; done
	@SANITIZED='$(call side,asan)/examples $(call side,tsan)/examples' O='$(O)' tests/lib/run.sh
# The client is built with ThreadSanitizer, the programs beside it are the usual ones.
$(O)/chaos: $(O)/tests/chaos/chaos.o $(LIB_OBJ)
	$(call say,LINK,$@)
	$(link) $(LIB_LIBS)
test-chaos: all
	@$(MAKE) --no-print-directory BUILD=tsan O=$(call side,tsan) $(call side,tsan)/chaos
	@CHAOS=$(call side,tsan)/chaos WRAP="$$(setarch -R true 2>/dev/null && echo setarch -R)" \
		PODMOX='$(O)/podmox' PODMOX_SIM='$(O)/podmox-sim' tests/chaos/run.sh
# Random manifests through the whole pipeline, against the simulator in the same process.
PROPERTY_RUNS ?= 20000
PROPERTY_SEED ?= 1
$(O)/property: $(patsubst tests/%.c,$(O)/tests/%.o,$(wildcard tests/property/*.c) tests/unit/recon/world.c \
	$(addprefix tests/unit/,fake_transport.c sim_transport.c support.c)) \
	$(call objects,$(filter-out $(MAINS),$(call sources,$(sort $(call closure,recon) $(call closure,sim)))))
	$(call say,LINK,$@)
	$(link) $(DEPS_LIBS) $(TEST_LIBS)
test-property: $(O)/property
	@mkdir -p $(O)/requests
	@$(WRAP) $< --seed $(PROPERTY_SEED) --runs $(PROPERTY_RUNS) --log $(O)/requests/property.requests
JUDGED := $(call objects,$(filter-out $(MAINS),$(call sources,$(sort $(foreach r,pve manifest,$(call closure,$r))))))
$(O)/judge/%: $(O)/tests/judges/%.o $(JUDGED)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(link) $(DEPS_LIBS)
judges: all $(O)/judge/ops $(O)/judge/decode $(O)/judge/configs
	$(call script,tests/judges/run.sh)
$(O)/bench/floor: $(O)/tests/bench/floor.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(link) $(DEPS_LIBS)
$(O)/bench/client: $(O)/tests/bench/client.o $(call objects,$(filter-out $(MAINS),$(call sources,$(call closure,recon))))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(link) $(DEPS_LIBS)
bench: all $(O)/bench/floor $(O)/bench/client
	$(call script,tests/bench/run.sh)

# ---- from nothing: install what is missing, then build with it ----

.PHONY: deps test
deps:
	@sh .ci/deps build test
demo:
	@sh .ci/deps build
	@$(MAKE) --no-print-directory all
	$(call script,tests/demo.sh)
test:
	@sh .ci/deps build test
	@MAKE='$(MAKE)' O='$(O)' sh tests/all.sh

# ---- the same tests in other builds; each has a folder of its own ----

side = $(if $(filter build/release,$(O)),build/$(1),$(O)-$(1))
.PHONY: asan tsan valgrind coverage
asan:
	@$(MAKE) BUILD=asan O=$(call side,asan) test-unit
# Where addresses are more random than ThreadSanitizer can map, they are made fixed. Which request of a
# torture is spoiled, and which row is changed, says nothing about threads: fewer of the ones, none of the others.
tsan:
	@export PM_STRIDE=$${PM_STRIDE:-15} PM_SKIP=$${PM_SKIP-rows_}; WRAP=$$(setarch -R true 2>/dev/null && echo setarch -R); $(MAKE) WRAP="$$WRAP" BUILD=tsan O=$(call side,tsan) ROOM='$(filter base net security pve exec recon daemon sim,$(ROOM))' test-unit
# Fifty times as slow: the torture of the pipeline spoils every fortieth request only.
valgrind:
	@PM_STRIDE=$${PM_STRIDE:-40} $(MAKE) test-unit WRAP='valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible'
coverage:
	@rm -rf $(call side,cov)
	@$(MAKE) BUILD=cov O=$(call side,cov) test-unit >/dev/null
	@sh tests/coverage.sh $(call side,cov)

# ---- fuzzing: tests/fuzz/fuzz_NAME.c with the seeds of tests/fuzz/corpus/NAME; linked with the rooms
#      that it includes and what these need ----

FUZZ      := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_rooms = $(sort $(shell sed -n 's,^\#include "\([a-z]*\)/.*,\1,p' tests/fuzz/fuzz_$(1).c))
define fuzz_rule
$(O)/fuzz/$(1): $(O)/tests/fuzz/fuzz_$(1).o $(call objects,$(filter-out $(MAINS),$(call sources, \
	$(sort $(foreach r,$(call fuzz_rooms,$(1)),$(call closure,$(r)))))))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(link) -fsanitize=fuzzer $$(DEPS_LIBS)
endef
$(foreach f,$(if $(filter fuzz,$(BUILD)),$(FUZZ)),$(eval $(call fuzz_rule,$(f))))
.PHONY: fuzz fuzz-smoke fuzz-run
fuzz:
	@$(MAKE) BUILD=fuzz CC=$(CLANG) O=$(call side,fuzz) FUZZ_TIME=$(FUZZ_TIME) fuzz-run
fuzz-smoke:
	@FUZZ_SEED=1 $(MAKE) BUILD=fuzz CC=$(CLANG) O=$(call side,fuzz) FUZZ_TIME=10 fuzz-run
fuzz-run: $(FUZZ:%=$(O)/fuzz/%)
	@sh tests/fuzz/run.sh $(O) $(FUZZ_TIME) $(FUZZ)

# ---- lints ----

FORMATTED = $(shell find src tests $(wildcard include) -name '*.[ch]' | LC_ALL=C sort)
.PHONY: format format-check gates lint lints tools tidy analyze
format:
	@clang-format -i $(FORMATTED)
format-check:
	@clang-format --dry-run -Werror $(FORMATTED)
gates: format-check $(OBJ) $(filter %/podmox,$(PROGS))
	@CC='$(CC)' CLANG='$(CLANG)' O='$(O)' CPPFLAGS='$(STD) $(DEPS_CFLAGS)' sh tests/lint/run.sh
# A build of its own that is quick to make; what takes minutes is `make analyze`.
lint:
	@sh .ci/deps -q build test lint
	@$(MAKE) --no-print-directory $(and_jobs) BUILD=lint O=$(call side,lint) lints
	@echo 'lint: clean (clang'"'"'s static analyser: make analyze)'
lints: gates tools tidy
and_jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-Otarget -j$(shell nproc))
tools:
	@sh tests/lint/tools.sh
# An object is up to date exactly when neither its file nor a header it reads has changed. What is quick is
# done for a room at once, for starting takes as long as looking at a file.
TIDY = clang-tidy --quiet $(1) $(filter src/%.c,$^) -- $(STD) $(DEPS_CFLAGS) 2>$@.log || { cat $@.log >&2; exit 1; }
tidy: $(ROOMS:%=$(O)/tidy/%.ok)
$(foreach r,$(ROOMS),$(eval $(O)/tidy/$(r).ok: $(call sources,$(r)) $(call objects,$(call sources,$(r)))))
$(O)/tidy/%.ok: .clang-tidy
	$(call say,TIDY,src/$*)
	@mkdir -p $(@D)
	$(Q)$(call TIDY,'--checks=-clang-analyzer-*')
	@touch $@
analyze: $(SRC:src/%.c=$(O)/analyze/%.ok)
$(O)/analyze/%.ok: src/%.c $(O)/%.o .clang-tidy
	$(call say,ANALYZE,$<)
	@mkdir -p $(@D)
	$(Q)$(call TIDY)
	@touch $@

# ---- generated files ----

.PHONY: generate check-generated
generate: all
	@$(O)/podmox generate .
check-generated: all
	@rm -rf $(O)/generated && mkdir -p $(O)/generated
	@$(O)/podmox generate $(O)/generated
	@stale=; for f in $$(cd $(O)/generated && find . -type f); do \
		diff -u "$$f" "$(O)/generated/$$f" || stale="$$stale $$f"; done; \
		for f in schemas/*.json; do test -e "$(O)/generated/$$f" || stale="$$stale $$f"; done; \
		test -z "$$stale" || { echo "stale:$$stale; run: make generate" >&2; exit 1; }

# ---- the rest ----

.PHONY: install uninstall compdb nightly check clean help
# mode | from | to, for install and uninstall
INSTALLED = $(foreach f,$(PROGS),755|$f|$(BINDIR)/$(notdir $f)) \
	$(foreach m,$(MANPAGES),644|$m|$(MANDIR)/man$(subst .,,$(suffix $m))/$(notdir $m)) \
	$(foreach f,$(wildcard schemas/*.json),644|$f|$(DATADIR)/podmox/$f) \
	$(foreach f,$(wildcard include/podmox/*.h) $(O)/gen/podmox/version.h,644|$f|$(INCLUDEDIR)/podmox/$(notdir $f)) \
	$(foreach f,$(EXAMPLES),644|$f|$(DATADIR)/doc/podmox/examples/$(notdir $f)) \
	644|$(O)/libpodmox.a|$(LIBDIR)/libpodmox.a 755|$(O)/libpodmox.so.$(VERSION)|$(LIBDIR)/libpodmox.so.$(VERSION) \
	644|$(O)/podmox.pc|$(LIBDIR)/pkgconfig/podmox.pc \
	644|$(O)/podmox.service|$(UNITDIR)/podmox.service 644|src/daemon/podmox.sysusers|$(SYSUSERSDIR)/podmox.conf
SONAMES := libpodmox.so.$(SONAME) libpodmox.so
install: all
	@for f in $(foreach f,$(INSTALLED),'$f'); do from=$${f#*|}; install -D -m "$${f%%|*}" "$${from%|*}" \
		"$(DESTDIR)$${f##*|}" || exit; done
	@for f in $(SONAMES); do ln -sfn libpodmox.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$$f || exit; done
uninstall:
	@for f in $(foreach f,$(INSTALLED),'$f'); do rm -f "$(DESTDIR)$${f##*|}"; done
	@rm -f $(SONAMES:%=$(DESTDIR)$(LIBDIR)/%)
compdb: $(O)/flags
	@for f in $(SRC); do printf '{"directory":"%s","file":"%s","command":"%s"},\n' '$(CURDIR)' $$f \
		'$(CC) $(subst ",\",$(COMPILE)) -c '$$f; done | sed '1s/^/[/; $$s/,$$/]/' >build/compile_commands.json
nightly:
	@$(MAKE) check
	@$(MAKE) valgrind
	@PM_STRIDE=3 PM_SKIP= $(MAKE) tsan
	@$(MAKE) coverage
	@$(MAKE) fuzz FUZZ_TIME=600
	@NIGHTLY=1 KILL_SECONDS=7200 $(MAKE) test-scenario test-chaos test-trials
	@$(MAKE) bench
check:
	@$(MAKE) lint
	@$(MAKE) $(and_jobs) analyze
	@$(MAKE) test
clean:
	@rm -rf build
help:
	@echo 'programs   all install uninstall clean'
	@echo 'at once    demo deps'
	@echo 'tests      test test-unit test-plan test-manifest test-scenario test-property test-lib test-chaos judges   (ROOM= T=)'
	@echo 'builds     asan tsan valgrind coverage   fuzz fuzz-smoke   bench'
	@echo 'lints      lint analyze   gates tools tidy format format-check   generate check-generated   compdb'
	@echo 'all of it  check nightly'
