# install.mk - `make install` and `make uninstall`, below DESTDIR if one is
# given. Programs find netd and their pages beside themselves (../sbin,
# ../share/penstock), so an installed tree may be moved as a whole; a game
# that lives elsewhere asks PREFIX, which is built in.

INSTALL ?= install
D = $(DESTDIR)$(PREFIX)
PLAYED := snake chat mud
# Beside their game: a worker, and a world.
BESIDE := mud_store
MAN8 := $(wildcard netd/*.8)
MAN3 = $(shell scripts/manual --names)

# Another PREFIX than last time: what has it built in is built again.
$(O)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' > $@
$(O)/gamecore/where.o: $(O)/prefix
.PHONY: FORCE
FORCE:

$(O)/penstock.pc: gamecore/penstock.pc.in gamecore/gamecore.h $(O)/prefix
	sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@VERSION@,$(VERSION),' \
		-e 's,@PRIVATE@,$(GAME_LIBS),' $< > $@

.PHONY: install
install: all $(O)/penstock.pc ## to PREFIX (/usr/local), below DESTDIR if given
	$(INSTALL) -d $(D)/bin $(D)/sbin $(D)/lib/pkgconfig \
		$(D)/include/gamecore $(D)/share/man/man3 $(D)/share/man/man8
	$(INSTALL) $(BIN)/netd $(D)/sbin/netd
	$(INSTALL) $(BIN)/netctl $(addprefix $(BIN)/,$(PLAYED) $(BESIDE)) \
		$(D)/bin
	$(INSTALL) -m 644 $(LIB) $(D)/lib/libgamecore.a
	$(INSTALL) -m 644 $(SOLIB) $(D)/lib/libgamecore.so.0
	ln -sf libgamecore.so.0 $(D)/lib/libgamecore.so
	$(INSTALL) -m 644 gamecore/gamecore.h $(D)/include/gamecore
	$(INSTALL) -m 644 $(O)/penstock.pc $(D)/lib/pkgconfig
	$(INSTALL) -m 644 $(MAN8) $(D)/share/man/man8
	$(INSTALL) -m 644 gamecore/gamecore.3 $(D)/share/man/man3
	for f in $(MAN3); do \
		echo '.so man3/gamecore.3' > $(D)/share/man/man3/$$f.3; done
	for g in $(PLAYED); do (cd gamecore/examples/$$g && \
		find www -type f) | while read f; do $(INSTALL) -D -m 644 \
		gamecore/examples/$$g/$$f $(D)/share/penstock/$$g/$$f; \
		done; done
	$(INSTALL) -m 644 gamecore/examples/mud/vale.world \
		$(D)/share/penstock/mud
	[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || true

.PHONY: uninstall
uninstall: ## what install put there
	rm -f $(D)/sbin/netd $(addprefix $(D)/bin/,netctl $(PLAYED) $(BESIDE))
	rm -f $(addprefix $(D)/lib/,libgamecore.a libgamecore.so.0 libgamecore.so)
	rm -f $(D)/lib/pkgconfig/penstock.pc \
		$(addprefix $(D)/share/man/man8/,$(notdir $(MAN8)))
	rm -f $(addprefix $(D)/share/man/man3/,$(addsuffix .3,gamecore $(MAN3)))
	rm -rf $(D)/include/gamecore $(D)/share/penstock
	[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || true

.PHONY: manual
manual: ## rewrite gamecore.3 and the limits of netd.8 from the headers
	@scripts/manual
