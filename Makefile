# skalds: one static binary. `make help` lists the targets.
#
# Everything lands in $(BUILD); several people in one checkout use BUILD=/tmp/NAME each.
# FLAVOR=release|asan|ubsan|tsan|fuzz|hooks chooses the compiler's options; asan means ASan and UBSan, hooks is release
# with a clock, an allocator and an event bus that tests may break (core/base/hooks.h, core/hooks_bus.h).
#
#> make              build/skalds, one static binary; build/skalds.debug has the symbols
#> make demo         run the example tasks for some seconds
#> make demo-fleet   Kafka, Redis, MongoDB, a controller, three nodes and one in Python; one dies (KEEP=1: stays)
#> make install      to PREFIX (/usr/local), below DESTDIR: binary, completions, systemd units
#> make deps         the client libraries only (the first time some minutes, then cached)
#> make test         everything that must hold on each commit
#> make unit         the unit tests; T=NAME runs test/unit/NAME_test.c alone
#> make asan         the whole suite under ASan and UBSan; also: ubsan, tsan
#> make fuzz         every fuzz target for FUZZ_SECONDS (600)
#> make fault        the fault tests with their full counts
#> make bench        speed and size, measured beside their goals
#> make bench-fleet  a fleet on real services, beside the original program
#> make bench-api    the API over TCP, beside its goals
#> make soak         a long run under load
#> make k8s-test     in a real Kubernetes
#> make lint         format, clang-tidy, cppcheck, headers, layers
#> make format       write all sources in the house style
#> make dist         a tarball of binary and documents, with its SHA-256
#> make clean        remove BUILD
#> make WEB=0        without the dashboard: nothing is fetched from npm
#> Variables: FLAVOR=release|asan|ubsan|tsan|fuzz|hooks BUILD=DIR PREFIX=DIR DESTDIR=DIR CC=gcc|clang V=1

FLAVOR ?= release
BUILD ?= build
# One spelling for one directory: the dependency files name the objects by it.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
# The client libraries that scripts/deps.sh builds, a link into its cache.
DEPS := $(BUILD)/deps
# The packages of npm that the dashboard stands on, likewise; 0: no dashboard.
WEB ?= 1
WEB_DEPS := $(if $(filter 0,$(WEB)),,$(BUILD)/web-deps)
PREFIX ?= /usr/local
WERROR ?= -Werror
OUT := $(BUILD)/$(FLAVOR)

ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(FLAVOR)),clang,gcc)
endif

# ---- what there is ----

# What tests break, in FLAVOR=hooks alone.
HOOKS := core/base/hooks.c core/hooks_bus.c
SRC := $(sort $(shell find -H cmd core adapters workers -name '*.c' 2>/dev/null))
HDR := $(sort $(shell find -H cmd core adapters workers -name '*.h' 2>/dev/null))
OBJ := $(patsubst %.c,$(OUT)/obj/%.o,$(if $(filter hooks,$(FLAVOR)),$(SRC),$(filter-out $(HOOKS),$(SRC))))
WEB_OBJ := $(OUT)/obj/web_data.o
OBJ += $(WEB_OBJ)
MAIN := $(OUT)/obj/cmd/main.o
LIB := $(OUT)/libskalds.a
BIN := $(if $(filter release,$(FLAVOR)),$(BUILD)/skalds,$(OUT)/skalds)
UNIT := $(sort $(wildcard test/unit/*_test.c test/contract/*_test.c))
UNIT_BIN := $(UNIT:test/%.c=$(OUT)/test/%)
# What unit tests share: every other .c file beside them.
UNIT_HELP := $(filter-out $(UNIT),$(sort $(wildcard test/unit/*.c test/contract/*.c)))
UNIT_HELP_OBJ := $(UNIT_HELP:%.c=$(OUT)/obj/%.o)

# ---- how it is compiled ----

# An option that only some compilers know.
option = $(shell $(CC) $(1) -Werror -x c -c -o /dev/null /dev/null 2>/dev/null && echo "$(1)")
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wcast-qual -Wshadow -Wstrict-prototypes -Wvla \
	-Wformat=2 -Wno-format-nonliteral $(call option,-Wno-format-truncation) $(WERROR)
HARDEN := -fstack-protector-strong -fno-delete-null-pointer-checks -fno-strict-overflow \
	-fno-strict-aliasing $(call option,-fstack-clash-protection) $(call option,-fcf-protection=full)

CPPFLAGS_release := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
CFLAGS_release := -O2 -g $(HARDEN) -ffunction-sections -fdata-sections
SAN := -g -fno-omit-frame-pointer
CFLAGS_asan := -O1 $(SAN) -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_ubsan := -O1 $(SAN) -fsanitize=undefined -fno-sanitize-recover=all
CFLAGS_tsan := -O1 $(SAN) -fsanitize=thread
CFLAGS_fuzz := -O1 $(SAN) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

CPPFLAGS_hooks := $(CPPFLAGS_release) -DSKALDS_TEST_HOOKS
CFLAGS_hooks := $(CFLAGS_release)

ifeq ($(CFLAGS_$(FLAVOR)),)
$(error FLAVOR=$(FLAVOR): must be one of release asan ubsan tsan fuzz hooks)
endif

SK_CPPFLAGS := -D_GNU_SOURCE -I. -isystem $(DEPS)/include $(CPPFLAGS_$(FLAVOR))
SK_CFLAGS := -std=c17 -fPIE $(WARN) -ffile-prefix-map=$(CURDIR)=. $(CFLAGS_$(FLAVOR))

# ---- how it is linked ----

# libfyaml takes its memory where everybody does: it cannot be told where, crashes when there is none, or takes what
# it could not copy for an empty text.
FYAML := $(BUILD)/libfyaml.a
FYAML_SYMS := $(foreach f,malloc calloc realloc strdup,--redefine-sym $(f)=sk_x$(f)) \
	$(foreach f,asprintf vasprintf,--redefine-sym __$(f)_chk=sk_yaml_$(f))
# librdkafka comes before libfyaml: both carry xxHash and the first archive wins.
ARCHIVES := -L$(DEPS)/lib -lrdkafka -lhiredis_ssl -lhiredis -lmongoc-static-1.0 -lbson-static-1.0 \
	-lcurl -Wl,-u,sk_yaml_asprintf $(FYAML) -lsqlite3 -levent_openssl -levent_pthreads -levent_extra -levent_core \
	-ljansson -lssl -lcrypto -lz -lzstd -llz4
SYSTEM := -lresolv -lm -lpthread -ldl
LDFLAGS_release := -static-pie -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
	-Wl,--build-id=sha1
LDFLAGS_hooks := $(LDFLAGS_release) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
# The same archives everywhere, so that a sanitizer sees the versions that are shipped.
MIXED = -Wl,-Bstatic $(ARCHIVES) -Wl,-Bdynamic $(SYSTEM)
LIBS = $(if $(filter release hooks,$(FLAVOR)),$(ARCHIVES) $(SYSTEM),$(MIXED))

# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)	$(2)')

.PHONY: all deps lib unit unit-build fuzz-build test asan ubsan tsan fuzz fault soak bench bench-fleet bench-api \
	k8s-test demo demo-fleet \
	headers check-layers check-static lint format install uninstall dist clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BIN)
lib: $(LIB)
deps: $(BUILD)/deps.ok $(WEB_DEPS:%=%.ok)

$(BUILD)/deps.ok: scripts/deps.sh $(if $(wildcard $(DEPS)/complete),,FORCE)
	@mkdir -p $(@D)
	$(Q)sh scripts/deps.sh $(DEPS)
	@touch $@

# Only adapters may include client libraries, and the tests of adapters.
$(filter $(OUT)/obj/adapters/%,$(OBJ)) $(UNIT:%.c=$(OUT)/obj/%.o) $(UNIT_HELP_OBJ): | $(BUILD)/deps.ok

# The dashboard's files as one C file, for all flavors.
WEB_SRC := $(sort $(shell find adapters/http/dashboard -type f ! -name '*.md'))
$(BUILD)/web-deps.ok: scripts/web-deps.sh scripts/web.lock $(if $(wildcard $(BUILD)/web-deps/complete),,FORCE)
	@mkdir -p $(@D)
	$(Q)sh scripts/web-deps.sh $(BUILD)/web-deps
	@touch $@

$(BUILD)/web/members: FORCE
	@mkdir -p $(@D)
	@echo '$(WEB) $(WEB_SRC)' | cmp -s - $@ || echo '$(WEB) $(WEB_SRC)' > $@

$(BUILD)/web/data.c: scripts/web.sh $(WEB_SRC) $(BUILD)/web/members $(WEB_DEPS:%=%.ok)
	$(call say,WEB,$@)
	$(Q)sh scripts/web.sh adapters/http/dashboard '$(WEB_DEPS)' $(@D)

$(WEB_OBJ): $(BUILD)/web/data.c $(OUT)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(SK_CPPFLAGS) $(CPPFLAGS) $(SK_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(FYAML): $(BUILD)/deps.ok Makefile
	$(call say,OBJCOPY,$@)
	$(Q)objcopy $(FYAML_SYMS) "$$($(CC) -print-file-name=libfyaml.a)" $@

# The version comes from git; the file changes only when it does.
VERSION := $(or $(VERSION),$(shell GIT_OPTIONAL_LOCKS=0 git describe --tags --always --dirty 2>/dev/null),dev)
$(OUT)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(OUT)/obj/adapters/versions.o: $(OUT)/version
$(OUT)/obj/adapters/versions.o: SK_CPPFLAGS += -DSK_VERSION='"$(VERSION)"'

# Other options or another compiler: everything again.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(SK_CPPFLAGS) $(CPPFLAGS) $(SK_CFLAGS) $(CFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(SK_CPPFLAGS) $(CPPFLAGS) $(SK_CFLAGS) $(CFLAGS)' > $@

$(OUT)/obj/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(SK_CPPFLAGS) $(CPPFLAGS) $(SK_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJ:.o=.d) $(UNIT_HELP_OBJ:.o=.d) $(UNIT:%.c=$(OUT)/obj/%.d)

# The list of the members: a file that was removed must leave the archive too.
$(OUT)/members: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJ)' | cmp -s - $@ || echo '$(OBJ)' > $@

$(LIB): $(filter-out $(MAIN),$(OBJ)) $(OUT)/members | $(FYAML)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcsD $@ $(filter-out $(MAIN),$(OBJ))

$(BUILD)/skalds.debug: $(MAIN) $(LIB) $(BUILD)/deps.ok
	$(call say,LINK,$@)
	$(Q)$(CC) $(SK_CFLAGS) $(CFLAGS) $(LDFLAGS_release) $(LDFLAGS) -o $@ $(MAIN) $(LIB) $(LIBS) \
		2>$(OUT)/link.log || { cat $(OUT)/link.log >&2; exit 1; }
	@LC_ALL=C sh scripts/check-link.sh $(OUT)/link.log

$(BUILD)/skalds: $(BUILD)/skalds.debug
	$(call say,STRIP,$@)
	$(Q)strip -o $@ $<

$(OUT)/skalds: $(MAIN) $(LIB) $(BUILD)/deps.ok
	$(call say,LINK,$@)
	$(Q)$(CC) $(SK_CFLAGS) $(CFLAGS) $(LDFLAGS_$(FLAVOR)) $(LDFLAGS) -o $@ $(MAIN) $(LIB) $(LIBS) \
		$(if $(filter hooks,$(FLAVOR)),2>$(OUT)/link.log || { cat $(OUT)/link.log >&2; exit 1; })

# ---- unit tests: every test/unit/NAME_test.c is a cmocka program; `make unit T=NAME` runs one ----

$(OUT)/test/%: $(OUT)/obj/test/%.o $(UNIT_HELP_OBJ) $(LIB) | $(BUILD)/deps.ok
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SK_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(UNIT_HELP_OBJ) $(LIB) $(MIXED) -lcmocka

UNIT_RUN := $(if $(T),$(filter %/$(T)_test,$(UNIT_BIN)),$(UNIT_BIN))

unit-build: $(UNIT_RUN)
unit: $(UNIT_RUN)
	@failed=0; for t in $(UNIT_RUN); do \
		CMOCKA_MESSAGE_OUTPUT=TAP $$t || { echo "$$t failed" >&2; failed=1; }; \
	done; exit $$failed

# ---- fuzz targets: every test/fuzz/NAME.c is one; FLAVOR=fuzz ----

FUZZ := $(sort $(wildcard test/fuzz/*.c))
FUZZ_BIN := $(FUZZ:%.c=$(OUT)/%)
FUZZ_SECONDS ?= 600

$(OUT)/test/fuzz/%: $(OUT)/obj/test/fuzz/%.o $(LIB) | $(BUILD)/deps.ok
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SK_CFLAGS) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(LIB) $(MIXED)

fuzz-build: $(FUZZ_BIN)
-include $(FUZZ:%.c=$(OUT)/obj/%.d)

# ---- benchmarks in C that drive a part of the binary: make build/release/test/bench/NAME ----

$(OUT)/test/bench/%: $(OUT)/obj/test/bench/%.o $(UNIT_HELP_OBJ) $(LIB) | $(BUILD)/deps.ok
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SK_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(UNIT_HELP_OBJ) $(LIB) $(MIXED) -lcmocka

-include $(wildcard $(OUT)/obj/test/bench/*.d)

# ---- tests ----

# What README.md calls `make test`: everything that must hold on each commit, stage by stage.
test:
	@test/run.sh
# The whole suite with a sanitizer in the binary.
asan ubsan tsan:
	@FLAVOR=$@ test/run.sh build unit contract cli badinput integration fault
fuzz:
	@FUZZ_SECONDS=$(FUZZ_SECONDS) TEST_TIMEOUT=$$(($(FUZZ_SECONDS) + 60)) test/run.sh fuzz
fault:
	@FULL=1 TEST_TIMEOUT=7200 test/run.sh build fault
soak: all
	@test/soak.sh
bench: all
	@test/bench/run.sh
	@test/bench/queue.sh
	@test/bench/cli_bench.sh
bench-fleet: all
	@test/bench/fleet.sh
bench-api: all
	@test/bench/api.sh
k8s-test: all
	@scripts/k8s/test.sh
demo: all
	@sh scripts/demo.sh $(BUILD)/skalds
demo-fleet: all
	@scripts/demo-fleet.sh $(BUILD)/skalds

# ---- quality ----

headers: $(BUILD)/deps.ok
	@scripts/check-headers.sh $(CC) $(SK_CPPFLAGS) $(CPPFLAGS) -std=c17 $(WARN)
check-layers: $(OBJ)
	@scripts/check-layers.sh $(OUT)/obj
check-static: all
	@scripts/check-static.sh $(BUILD)
lint: $(OBJ) headers check-layers
	@scripts/lint.sh $(SK_CPPFLAGS) $(CPPFLAGS) -std=c17
format:
	clang-format -i $(SRC) $(HDR) $(sort $(shell find test -name '*.[ch]'))

# ---- installing ----

SHARE := $(DESTDIR)$(PREFIX)/share
UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system

install: all
	install -D -m 755 $(BUILD)/skalds $(DESTDIR)$(PREFIX)/bin/skalds
	install -d $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions \
		$(SHARE)/fish/vendor_completions.d $(UNITS)
	$(BUILD)/skalds completion bash > $(SHARE)/bash-completion/completions/skalds
	$(BUILD)/skalds completion zsh > $(SHARE)/zsh/site-functions/_skalds
	$(BUILD)/skalds completion fish > $(SHARE)/fish/vendor_completions.d/skalds.fish
	for u in edge up node controller; do \
		sed 's|@PREFIX@|$(PREFIX)|g' scripts/systemd/skalds-$$u.service \
			> $(UNITS)/skalds-$$u.service || exit 1; \
	done
	install -D -m 644 workers/examples/all_workers.yml $(SHARE)/doc/skalds/examples/all_workers.yml
	install -D -m 644 README.md $(SHARE)/doc/skalds/README.md
	install -D -m 644 LICENSE $(SHARE)/doc/skalds/LICENSE

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/skalds $(SHARE)/bash-completion/completions/skalds \
		$(SHARE)/zsh/site-functions/_skalds $(SHARE)/fish/vendor_completions.d/skalds.fish \
		$(foreach u,edge up node controller,$(UNITS)/skalds-$(u).service)
	rm -rf $(SHARE)/doc/skalds

dist: all
	@scripts/dist.sh $(BUILD) '$(VERSION)'

# ---- the rest ----

clean:
	rm -rf $(BUILD)

help:
	@sed -n 's/^#> //p' Makefile
