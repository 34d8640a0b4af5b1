# soak.mk - test games, and the long run that kills one of them all the time.

# Its read() and write() can be cut short in the middle of a frame.
$(O)/games/ledger: CUT := -Wl,--wrap=read,--wrap=write,--wrap=vmsplice

$(O)/games/%: $(O)/tests/games/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(CUT) -o $@ $^ $(GAME_LIBS)

# For LD_PRELOAD: no part of a program, so nothing of ours is linked to it.
$(O)/preload_%.so: tests/lib/preload_%.c
	@mkdir -p $(@D)
	$(CC) -shared -fPIC -D_GNU_SOURCE -O1 -Wall -Wextra -o $@ $<

processes: $(TEST_GAMES) $(O)/preload_clock.so

SEED ?=
MINUTES ?= 10

.PHONY: soak
soak: ## kill the game again and again under load: SEED=, MINUTES= (10)
	@$(MAKE) --no-print-directory -s all $(TEST_GAMES) $(O)/process/test_soak
	@BUILD=$(BUILD) BIN=$(BIN) OBJ=$(O) scripts/soak "$(MINUTES)" "$(SEED)"

PLAYERS ?= 2000

.PHONY: soak-mud
soak-mud: all ## the MUD under PLAYERS= (2000) while it dies: MINUTES= (10)
	@scripts/mud_soak --bin $(BIN) --players $(PLAYERS) \
		--seconds $$(($(MINUTES) * 60)) --kill-every 8 --think 6 \
		$(if $(SEED),--seed $(SEED))
