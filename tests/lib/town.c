/*
 * town.c - a small world for the MUD, and players who type in it.
 */
#include "tests/lib/town.h"

#include <stdio.h>
#include <string.h>

#define WORLD                                                      \
	"world Here\nstart hall\nplace hall\nname The Hall\n"      \
	"text Large.\nnorth yard\nplace yard\nname The Yard\n"     \
	"text Open.\nsouth hall\nthing stick\nname a stick\n"      \
	"words stick\nworn held\ndamage 1-2\nprice 4\nin hall\n"   \
	"every 300\nbeing dummy\nname a straw dummy\n"             \
	"words straw dummy\nin yard\nlife 5000\ndamage 1-1\n"      \
	"coins 7-7\nbeing keeper\nname the keeper\nwords keeper\n" \
	"in hall\npeaceful\ncoins 50-50\nsells stick\n"

struct kit_proc *town;

void
town_write(const char *more)
{
	FILE *f = fopen(kit_path("test.world"), "w");

	assert_non_null(f);
	fprintf(f, "%s%s", WORLD, more);
	fclose(f);
}

void
town_start(const char *option, const char *value)
{
	static char world[256], store[256];

	snprintf(world, sizeof(world), "%s", kit_path("test.world"));
	snprintf(store, sizeof(store), "%s", kit_path("mud.db"));
	town = kit_game("mud", "--listen", TOWN_URL, "--world", world,
	    "--store", store, "--hash-cost", "4", "--wizards", "Ann", "--limit",
	    "restarts_max=1000", option, value, NULL);
}

void
town_begin(void)
{
	town_write("");
	town_start(NULL, NULL);
}

void
town_type(int fd, const char *line)
{
	kit_send(fd, line);
	kit_send(fd, "\n");
}

int
town_come(const char *name)
{
	int fd = kit_connect(kit_url(town, 1));

	kit_hear(fd, "By what name");
	town_type(fd, name);
	return fd;
}

/* A new character, in the hall. */
int
town_make(const char *name)
{
	int fd = town_come(name);

	kit_hear(fd, "Shall that be your name?");
	town_type(fd, "y");
	kit_hear(fd, "A password");
	town_type(fd, "sesame street");
	kit_hear(fd, "Once more");
	town_type(fd, "sesame street");
	kit_hear(fd, "Exits");
	return fd;
}

int
town_again(const char *name)
{
	int fd = town_come(name);

	kit_hear(fd, "Password:");
	town_type(fd, "sesame street");
	return fd;
}

int
town_make_with_stick(const char *name)
{
	int fd = town_make(name);

	town_type(fd, "get stick");
	kit_hear(fd, "You take a stick");
	return fd;
}

void
town_go_north(int fd)
{
	town_type(fd, "north");
	kit_hear(fd, "The Yard");
}

void
town_audit(int wizard)
{
	town_type(wizard, "audit");
	assert_string_equal(kit_hear(wizard, "audit "), "audit passed");
}
