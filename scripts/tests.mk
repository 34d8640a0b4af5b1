# tests.mk - what `make unit`, `process`, `interop`, `fuzz` and `check` do.
#
# A program in tests/unit, tests/process or tests/fuzz says in one comment line
# which of our sources it needs beside ipc/, patterns allowed:
#
#	/* links: netd/tr_line.c netd/utf8.c */
#
# One of tests/interop is anything executable called test_*. All of them are
# found by name: a new test needs no edit here.

PROCESS_SRC := $(wildcard tests/process/test_*.c)
PROCESSES := $(patsubst tests/process/%.c,$(O)/process/%,$(PROCESS_SRC))
INTEROP := $(wildcard tests/interop/test_*)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FO := obj/fuzz
FUZZERS := $(patsubst tests/fuzz/%.c,$(FO)/%,$(FUZZ_SRC))
# Seconds for each target: of `make fuzz`, and of `make fuzz-check`.
SECONDS ?= 60
FUZZ_SECONDS ?= 60

links = $(wildcard $(shell \
	sed -n 's,^/\* links: \(.*\) \*/$$,\1,p' $(1)))
objects = $(addprefix $(2)/,$(addsuffix .o,$(sort \
	$(basename $(1) $(IPC_SRC) $(call links,$(1))))))

# As needed: most tests need few of these.
TEST_LIBS := -lcmocka $(NETD_LIBS) -Wl,--as-needed -ljansson -lsqlite3

define test_rule
$(O)/$(1)/$(2): $(call objects,tests/$(1)/$(2).c,$(O))
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ $(TEST_LIBS)
endef
$(foreach t,$(UNIT_SRC),$(eval $(call test_rule,unit,$(notdir $(basename $t)))))
$(foreach t,$(PROCESS_SRC),$(eval \
	$(call test_rule,process,$(notdir $(basename $t)))))

# ---- fuzzing: clang's own objects, whatever BUILD is ------------------------

FUZZ_FLAGS := -g -O1 -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined

$(FO)/%.o: %.c
	@mkdir -p $(@D)
	clang $(filter-out $(CFLAGS),$(ALL_CFLAGS)) $(FUZZ_FLAGS) \
		-fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

define fuzz_rule
$(FO)/$(1): $(call objects,tests/fuzz/$(1).c,$(FO))
	clang -fsanitize=fuzzer,address,undefined -o $$@ $$^ $(NETD_LIBS)
endef
$(foreach t,$(FUZZ_SRC),$(eval $(call fuzz_rule,$(notdir $(basename $t)))))
-include $(shell find $(FO) -name '*.d' 2>/dev/null)

# ---- what to type -----------------------------------------------------------

RUN := BUILD=$(BUILD) BIN=$(BIN) OBJ=$(O) scripts/check

.PHONY: units processes fuzzers
units: $(UNITS)
processes: all $(PROCESSES)
fuzzers: $(FUZZERS)

.PHONY: unit
unit: ## the unit tests
	@$(MAKE) --no-print-directory -s -k units; $(RUN) unit $(UNITS)

.PHONY: process
process: ## tests with a real netd and real games
	@$(MAKE) --no-print-directory -s -k processes; \
		$(RUN) process $(PROCESSES)

.PHONY: interop
interop: ## tests with clients and games that are not ours
	@$(MAKE) --no-print-directory -s all
	@$(RUN) interop $(INTEROP)

.PHONY: rooms
rooms: ## the walls between ipc, netd and gamecore stand
	@$(MAKE) --no-print-directory -s all
	@BIN=$(BIN) OBJ=$(O) scripts/rooms

.PHONY: measure
measure: ## functions that do not fit the eye
	@scripts/measure

.PHONY: fuzz
fuzz: ## every fuzz target for SECONDS (60), two at a time
	@$(MAKE) --no-print-directory -s fuzzers
	@$(RUN) fuzz $(SECONDS) $(FUZZERS)

.PHONY: fuzz-check
fuzz-check:
	@$(MAKE) --no-print-directory fuzz SECONDS=$(FUZZ_SECONDS)

.PHONY: check
check: ## everything that must hold; ends in "N passed, N failed"
	@$(RUN) all
