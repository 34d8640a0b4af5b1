# Penstock. `make help` lists what there is to make. Wildcards find sources: a
# new .c needs no edit here. BUILD=release|debug|asan|cov, each in obj/BUILD/.

BUILD ?= release
ifeq ($(filter release debug asan cov,$(BUILD)),)
$(error BUILD is release, debug, asan or cov, not '$(BUILD)')
endif
CC ?= gcc
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's/.*GC_VERSION "\(.*\)"/\1/p' gamecore/gamecore.h)

O := obj/$(BUILD)
# Release binaries are what a person runs; the others stay beside their objects.
BIN := $(if $(filter release,$(BUILD)),bin,$(O)/bin)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wconversion -Wwrite-strings
# make check sets WERROR=1: a warning is a failure there and a line elsewhere.
WERROR ?=
CFLAGS_release := -O2 -g
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
CFLAGS_cov := -O0 -g --coverage -DMEASURES_COVERAGE
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_cov := --coverage
CFLAGS += $(CFLAGS_$(BUILD))
LDFLAGS += $(LDFLAGS_$(BUILD))
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -I. -DPENSTOCK_VERSION='"$(VERSION)"' \
	-DPENSTOCK_PREFIX='"$(PREFIX)"' -fPIC -fvisibility=hidden -MMD -MP \
	$(WARN) $(if $(WERROR),-Werror) $(CFLAGS)

NETD_LIBS := -lev -ltpl -lenet -ljansson -lmsgpackc -lcares -lcrypto -lz \
	-lseccomp -lm
GAME_LIBS := -ltpl -ljansson -lseccomp

IPC_SRC := $(wildcard ipc/*.c)
NETCTL_SRC := $(wildcard netd/netctl*.c)
NETD_SRC := $(filter-out netd/main.c $(NETCTL_SRC),$(wildcard netd/*.c))
CORE_SRC := $(wildcard gamecore/*.c)
# One file is one game; a folder is a game of several files, and its file libs
# holds the linker flags it needs beside ours.
GAME_SRC := $(wildcard gamecore/examples/*.c)
# pages/ and the like hold no C and are no games.
GAME_DIRS := $(sort $(patsubst %/,%,$(dir $(wildcard gamecore/examples/*/*.c))))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
TEST_LIB_SRC := $(wildcard tests/lib/*.c)

obj = $(patsubst %.c,$(O)/%.o,$(1))
GAMES := $(patsubst gamecore/examples/%.c,$(BIN)/%,$(GAME_SRC)) \
	$(patsubst gamecore/examples/%,$(BIN)/%,$(GAME_DIRS))
UNITS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRC))
LIB := $(O)/libgamecore.a
SOLIB := $(O)/libgamecore.so.0

.PHONY: all
all: $(if $(wildcard netd/main.c),$(BIN)/netd) $(BIN)/netctl $(GAMES) $(LIB) $(SOLIB)

.PHONY: help
help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile scripts/*.mk | expand -t 16
	@echo "BUILD=release|debug|asan|cov   PREFIX=$(PREFIX)   DESTDIR=..."

.PHONY: play
play: ## install what is missing, build, start Snake and print its address
	@scripts/deps run
	@[ -x $(BIN)/snake ] || echo "play: building (a minute or two)"
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@exec $(BIN)/snake

# ---- the three rooms --------------------------------------------------------

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# What page.c takes in by .incbin.
$(O)/netd/page.o: netd/penstock.js

$(O)/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BIN)/netd: $(O)/netd/main.o $(call obj,$(NETD_SRC) $(IPC_SRC))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(NETD_LIBS)

# The operator's tool knows the pipe and nothing of netd's inside.
$(BIN)/netctl: $(call obj,$(NETCTL_SRC) $(IPC_SRC))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -ltpl -ljansson -lseccomp

$(LIB): $(call obj,$(CORE_SRC) $(IPC_SRC))
	@rm -f $@ $(O)/gamecore-all.o
	ld -r -o $(O)/gamecore-all.o $^
	objcopy --localize-hidden $(O)/gamecore-all.o
	ar rcs $@ $(O)/gamecore-all.o

$(SOLIB): $(call obj,$(CORE_SRC) $(IPC_SRC))
	$(CC) -shared -Wl,-soname,libgamecore.so.0 $(LDFLAGS) -o $@ $^ $(GAME_LIBS)

define game_dir
$(BIN)/$(notdir $(1)): $(call obj,$(wildcard $(1)/*.c)) $(LIB)
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ $(GAME_LIBS) $(shell cat $(1)/libs 2>/dev/null) -lm
endef
$(foreach d,$(GAME_DIRS),$(eval $(call game_dir,$(d))))

$(BIN)/%: $(O)/gamecore/examples/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(GAME_LIBS) -lm

# ---- tests, benches, machinery ----------------------------------------------
# Games that only tests and benches play.
TEST_GAME_SRC := $(wildcard tests/games/*.c)
TEST_GAMES := $(patsubst tests/games/%.c,$(O)/games/%,$(TEST_GAME_SRC))
-include scripts/*.mk

.PHONY: clean
clean: ## remove what was built
	rm -rf obj bin

.PHONY: format
format: ## lay out every C file as .clang-format says
	@git ls-files -co --exclude-standard '*.c' '*.h' | grep -v messages.def | \
		xargs clang-format -i

-include $(shell find $(O) -name '*.d' 2>/dev/null)
.SECONDARY:
