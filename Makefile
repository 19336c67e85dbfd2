# skalds: one static binary. `make help` lists the targets.
#
# Everything lands in $(BUILD); several people in one checkout use BUILD=/tmp/NAME each.
# FLAVOR=release|asan|ubsan|tsan|fuzz chooses the compiler's options; asan means ASan and UBSan.

FLAVOR ?= release
BUILD ?= build
# The client libraries that scripts/deps.sh builds, a link into its cache.
DEPS := $(BUILD)/deps
PREFIX ?= /usr/local
WERROR ?= -Werror
OUT := $(BUILD)/$(FLAVOR)

ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(FLAVOR)),clang,gcc)
endif

# ---- what there is ----

SRC := $(sort $(shell find cmd core adapters workers -name '*.c' 2>/dev/null))
HDR := $(sort $(shell find cmd core adapters workers -name '*.h' 2>/dev/null))
OBJ := $(SRC:%.c=$(OUT)/obj/%.o)
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

ifeq ($(CFLAGS_$(FLAVOR)),)
$(error FLAVOR=$(FLAVOR): must be one of release asan ubsan tsan fuzz)
endif

SK_CPPFLAGS := -D_GNU_SOURCE -I. -isystem $(DEPS)/include $(CPPFLAGS_$(FLAVOR))
SK_CFLAGS := -std=c17 -fPIE $(WARN) -ffile-prefix-map=$(CURDIR)=. $(CFLAGS_$(FLAVOR))

# ---- how it is linked ----

# librdkafka comes before libfyaml: both carry xxHash and the first archive wins.
ARCHIVES := -L$(DEPS)/lib -lrdkafka -lhiredis_ssl -lhiredis -lmongoc-static-1.0 -lbson-static-1.0 \
	-lcurl -lfyaml -lsqlite3 -levent_openssl -levent_pthreads -levent_extra -levent_core \
	-ljansson -lssl -lcrypto -lz -lzstd -llz4
SYSTEM := -lresolv -lm -lpthread -ldl
LDFLAGS_release := -static-pie -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
	-Wl,--build-id=sha1
# The same archives everywhere, so that a sanitizer sees the versions that are shipped.
MIXED = -Wl,-Bstatic $(ARCHIVES) -Wl,-Bdynamic $(SYSTEM)
LIBS = $(if $(filter release,$(FLAVOR)),$(ARCHIVES) $(SYSTEM),$(MIXED))

# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)	$(2)')

.PHONY: all deps unit unit-build lib lint clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BIN)
lib: $(LIB)
deps: $(BUILD)/deps.ok

$(BUILD)/deps.ok: scripts/deps.sh $(if $(wildcard $(DEPS)/complete),,FORCE)
	@mkdir -p $(@D)
	$(Q)sh scripts/deps.sh $(DEPS)
	@touch $@

# Only adapters may include client libraries, and the tests of adapters.
$(filter $(OUT)/obj/adapters/%,$(OBJ)) $(UNIT:%.c=$(OUT)/obj/%.o) $(UNIT_HELP_OBJ): | $(BUILD)/deps.ok

# The version comes from git; the file changes only when it does.
VERSION := $(or $(VERSION),$(shell GIT_OPTIONAL_LOCKS=0 git describe --tags --always --dirty 2>/dev/null),dev)
$(OUT)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(OUT)/obj/adapters/versions.o: $(OUT)/version
$(OUT)/obj/adapters/versions.o: SK_CPPFLAGS += -DSK_VERSION='"$(VERSION)"'

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(SK_CPPFLAGS) $(CPPFLAGS) $(SK_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJ:.o=.d) $(UNIT_HELP_OBJ:.o=.d) $(UNIT:%.c=$(OUT)/obj/%.d)

# The list of the members: a file that was removed must leave the archive too.
$(OUT)/members: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJ)' | cmp -s - $@ || echo '$(OBJ)' > $@

$(LIB): $(filter-out $(MAIN),$(OBJ)) $(OUT)/members
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
	$(Q)$(CC) $(SK_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(MAIN) $(LIB) $(LIBS)

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

# ---- the rest ----

lint:
	@for h in $(HDR); do \
		$(CC) $(SK_CPPFLAGS) $(CPPFLAGS) -std=c17 $(WARN) -Wno-unused -fsyntax-only -x c $$h || exit 1; \
	done

clean:
	rm -rf $(BUILD)

help:
	@sed -n 's/^# ---- \(.*\) ----$$/\1/p' Makefile
