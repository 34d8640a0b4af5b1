# bench.mk - what `make bench` builds and runs; scripts/bench has the rows.

BENCH := $(O)/bench
BENCH_LOAD := $(addprefix $(O)/tests/bench/,load.o drive.o modes.o codec.o \
	procs.o)

$(BENCH)/load: $(BENCH_LOAD)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^

# netd's codecs and what they need of netd; inproc.c stands in for the rest.
# An archive, so that only what they name is linked.
BENCH_CODECS := $(call obj,$(filter-out netd/client.c netd/client_in.c netd/client_out.c netd/clients.c \
	netd/resume.c netd/returns.c netd/transports.c netd/side.c,$(NETD_SRC)) tests/lib/no_resume.c $(IPC_SRC))

$(BENCH)/codecs.a: $(BENCH_CODECS)
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

$(BENCH)/inproc: $(O)/tests/bench/inproc.o $(BENCH)/codecs.a
	$(CC) $(LDFLAGS) -o $@ $^ $(NETD_LIBS)

# The game's side alone, with its inside.
$(BENCH)/sessions: $(O)/tests/bench/sessions.o $(call obj,$(CORE_SRC) $(IPC_SRC))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(GAME_LIBS)

$(BENCH)/bare: $(O)/tests/bench/bare.o
	$(CC) $(LDFLAGS) -o $@ $^

$(BENCH)/%: $(O)/tests/bench/games/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(GAME_LIBS)

# Typed messages, each way and in each encoding.
$(BENCH)/encode: $(call obj,tests/bench/encode.c netd/tree.c netd/json.c \
	netd/pack.c netd/speak.c netd/schema.c $(IPC_SRC))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(NETD_LIBS)

BENCH_ALL := $(addprefix $(BENCH)/,load inproc fan world bare sessions encode)

.PHONY: bench bench-quick bench-sessions bench-encode
bench-encode: $(BENCH)/encode ## ns a typed message, in each encoding
	@$(BENCH)/encode

# What players see of a death; needs the kit of the process tests.
BENCH_PAUSE := $(TEST_GAMES) $(BENCH)/pause

bench-sessions: $(BENCH)/sessions ## a switch, a turn and the memory of a session
	@$(BENCH)/sessions

bench: all $(BENCH_ALL) $(BENCH_PAUSE) $(BENCH)/pygase ## measure against targets and peers (15 minutes)
	@OBJ=$(O) scripts/bench --bin $(BIN) --bench $(BENCH)
	@$(BENCH)/encode

bench-quick: all $(BENCH_ALL) ## the most telling rows alone (1 minute)
	@scripts/bench --quick --bin $(BIN) --bench $(BENCH)

# netd's store alone.
$(BENCH)/state: $(call obj,tests/bench/state.c $(wildcard netd/store*.c) \
	$(IPC_SRC))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(NETD_LIBS)

.PHONY: bench-state
bench-state: all $(BENCH)/state $(BENCH)/load $(BENCH)/world ## deltas a second, bytes a player and second
	@$(BENCH)/state
	@OBJ=$(O) scripts/bench --quick --only state, --bin $(BIN) --bench $(BENCH)

$(BENCH)/pause: $(call obj,tests/bench/pause.c $(wildcard tests/lib/kit*.c) \
	tests/lib/players.c tests/lib/deaths.c $(IPC_SRC))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(NETD_LIBS)

.PHONY: bench-mud
bench-mud: all ## commands a second in the MUD, 200 players at once
	@scripts/mud_soak --bin $(BIN) --players 200 --seconds 10 --think 0 \
		--kill-every 0

$(BENCH)/pygase: $(call obj,tests/bench/pygase.c tests/bench/procs.c \
	netd/pygase.c)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^

.PHONY: bench-pygase
bench-pygase: all $(BENCH)/pygase ## clients of PyGaSe: how many a core holds, events a second
	@BIN=$(BIN) $(BENCH)/pygase

.PHONY: bench-pause
bench-pause: all $(BENCH_PAUSE) ## what players see of a killed game
	@BIN=$(BIN) OBJ=$(O) $(BENCH)/pause
