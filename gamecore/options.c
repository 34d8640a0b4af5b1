/*
 * options.c - the command line of every game: the common options, then the
 * game's own, one table each. Nothing here prints by itself: gc_open() hands
 * the text to main(), which may have it printed.
 */
#include "gamecore/core.h"
#include "ipc/nearest.h"
#include "ipc/std.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What getopt_long() returns: common options by their row, then the game's. */
#define FIRST 256

/* The text of the last gc_open() that said no. One process, one text. */
static struct ipc_buf said = { .max = 1u << 16 };

struct reading {
	struct options *o;
	size_t listens, limits, mays;
	size_t others;               /* words that do not say how to replay */
	const char *bad, *bad_value; /* an option and what is no number */
	bool help, version;
};

/* ---- the common options ------------------------------------------------- */

static void
take_listen(struct reading *r, const char *text)
{
	r->o->given[r->listens++] = text;
}

static void
take_limit(struct reading *r, const char *text)
{
	r->o->limits[r->limits++] = text;
}

static void
take_attach(struct reading *r, const char *text)
{
	r->o->attach = text;
}

static void
take_netd(struct reading *r, const char *text)
{
	r->o->netd = text;
}

static void
take_log(struct reading *r, const char *text)
{
	r->o->log = text;
}

static void
take_notice(struct reading *r, const char *text)
{
	r->o->notice = text;
}

static void
take_foreground(struct reading *r, const char *text)
{
	(void)text;
	r->o->foreground = true;
}

static void
take_no_journal(struct reading *r, const char *text)
{
	(void)text;
	r->o->no_journal = true;
}

static void
take_may_listen(struct reading *r, const char *text)
{
	r->o->may_listen[r->mays++] = text;
}

static void
take_may_connect(struct reading *r, const char *text)
{
	r->o->may_connect = text;
}

static void
take_no_lock(struct reading *r, const char *text)
{
	(void)text;
	r->o->no_lock = true;
}

static void
take_jail(struct reading *r, const char *text)
{
	(void)text;
	r->o->jail = true;
}

static void
take_record(struct reading *r, const char *text)
{
	r->o->record = text;
}

static void
take_crash_dir(struct reading *r, const char *text)
{
	r->o->crash_dir = text;
}

static void
take_replay(struct reading *r, const char *text)
{
	r->o->replay = text;
}

static void
take_number(struct reading *r, const char *name, const char *text, uint64_t *to)
{
	char *end;

	errno = 0;
	*to = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || *to == 0) {
		r->bad = name;
		r->bad_value = text;
	}
}

static void
take_until(struct reading *r, const char *text)
{
	take_number(r, "until", text, &r->o->until);
}

static void
take_break_at(struct reading *r, const char *text)
{
	take_number(r, "break-at", text, &r->o->break_at);
}

static void
take_life(struct reading *r, const char *text)
{
	take_number(r, "life", text, &r->o->life);
}

static void
take_fast(struct reading *r, const char *text)
{
	(void)text;
	r->o->fast = true;
}

static void
take_paced(struct reading *r, const char *text)
{
	(void)text;
	r->o->paced = true;
}

static void
take_help(struct reading *r, const char *text)
{
	(void)text;
	r->help = true;
}

static void
take_version(struct reading *r, const char *text)
{
	(void)text;
	r->version = true;
}

static const struct common {
	const char *name, *value, *help;
	void (*take)(struct reading *, const char *);
	bool replays; /* says how to replay */
} commons[] = {
	{ "listen", "URL", "listen there; may be given several times",
	    take_listen, false },
	{ "limit", "NAME=VALUE", "set a limit of netd; see netd --limits",
	    take_limit, false },
	{ "log", "LEVEL", "what netd logs: error, warn, info or debug",
	    take_log, false },
	{ "notice", "TEXT", "what players see while a game is started anew",
	    take_notice, false },
	{ "foreground", NULL, "stay in this process, as under a debugger",
	    take_foreground, false },
	{ "attach", "DIR", "play for the netd that runs with --wait DIR",
	    take_attach, false },
	{ "netd", "FILE", "the netd to start (default: beside this program)",
	    take_netd, false },
	{ "no-journal", NULL, "remember nothing: a game that dies has died",
	    take_no_journal, false },
	{ "jail", NULL, "no files or programs for the game once it runs",
	    take_jail, false },
	{ "no-lock", NULL, "let netd keep every right; see netd(8)",
	    take_no_lock, false },
	{ "may-listen", "URL", "what the game may listen on later, too",
	    take_may_listen, false },
	{ "may-connect", "PORTS",
	    "where it may connect to (5010,unix; * is everywhere)",
	    take_may_connect, false },
	{ "record", "FILE", "record all that the game hears and says",
	    take_record, false },
	{ "crash-dir", "DIR", "leave recordings of the game's deaths there",
	    take_crash_dir, false },
	{ "replay", "FILE", "play a recording again, without netd or players",
	    take_replay, true },
	{ "until", "N", "replay no further than this frame", take_until, true },
	{ "break-at", "N", "replay under a debugger: stop before this frame",
	    take_break_at, true },
	{ "life", "N", "replay the N-th game of the recording alone", take_life,
	    true },
	{ "paced", NULL, "replay as fast as it was played", take_paced, true },
	{ "fast", NULL, "replay as fast as it goes (default)", take_fast,
	    true },
	{ "help", NULL, "show this and end", take_help, false },
	{ "version", NULL, "show the version and end", take_version, false },
};
#define N_COMMONS (sizeof(commons) / sizeof(commons[0]))

/* ---- texts -------------------------------------------------------------- */

static void
finish(struct gc_start *start, int status)
{
	ipc_buf_add(&said, "", 1);
	start->status = status;
	start->text = said.data ? (const char *)said.data : "";
}

void
options_say(struct gc_start *start, int status, const char *format, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	ipc_buf_clear(&said);
	ipc_buf_printf(&said, "%s: %s\n", start->name, line);
	finish(start, status);
}

static bool
print(int fd, const char *text)
{
	return ipc_write_all(fd, text, strlen(text));
}

int
gc_explain(const struct gc_start *start)
{
	char why[256];

	if (start->status) {
		print(STDERR_FILENO, start->text);
		return start->status;
	}
	if (print(STDOUT_FILENO, start->text))
		return 0;
	snprintf(why, sizeof(why), "%s: cannot write: %s\n", start->name,
	    strerror(errno));
	print(STDERR_FILENO, why);
	return 1;
}

static void
help_line(
    const char *name, const char *value, const char *help, const char *more)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", name, value ? "=" : "",
	    value ? value : "");
	/* GNU form: a name that is too long has its line to itself. */
	if (strlen(left) > 21)
		ipc_buf_printf(
		    &said, "      %s\n%29s%s%s\n", left, "", help, more);
	else
		ipc_buf_printf(&said, "      %-21s  %s%s\n", left, help, more);
}

static void
help_own(const struct gc_option *own)
{
	char more[256] = "";

	if (own->number)
		snprintf(more, sizeof(more), ", %ld to %ld (default: %ld)",
		    own->smallest, own->largest, *own->number);
	else if (own->text && *own->text && **own->text)
		snprintf(more, sizeof(more), " (default: %s)", *own->text);
	help_line(own->name, own->value, own->help, more);
}

static void
say_help(struct gc_start *start)
{
	const struct gc_option *own = start->options;
	bool listens = start->listen && start->listen[0];

	ipc_buf_clear(&said);
	ipc_buf_printf(&said, "Usage: %s [OPTION]...%s%s\n%s\n", start->name,
	    start->arguments ? " " : "",
	    start->arguments ? start->arguments : "",
	    start->about ? start->about : "");
	if (own && own->name)
		ipc_buf_printf(&said, "\nOptions of this game:\n");
	for (; own && own->name; own++)
		help_own(own);
	ipc_buf_printf(&said, "\nOptions of every game:\n");
	for (size_t i = 0; i < N_COMMONS; i++)
		help_line(commons[i].name, commons[i].value, commons[i].help,
		    i == 0 && listens ? " (default: see below)" : "");
	if (listens)
		ipc_buf_printf(&said, "\nWithout --listen it listens on:\n");
	for (const char *const *u = start->listen; listens && *u; u++)
		ipc_buf_printf(&said, "      %s\n", *u);
	finish(start, 0);
}

static void
say_version(struct gc_start *start)
{
	ipc_buf_clear(&said);
	ipc_buf_printf(&said, "%s %s (Penstock %s)\n", start->name,
	    start->version ? start->version : GC_VERSION, GC_VERSION);
	finish(start, 0);
}

/* ---- reading ------------------------------------------------------------ */

static bool
take_own(struct gc_start *start, const struct gc_option *own, const char *text)
{
	const char *wrong = own->wrong && text ? own->wrong(text) : NULL;
	char *end;
	long n;

	if (wrong) {
		options_say(start, 2, "'--%s' %s, not '%s' (see --help)",
		    own->name, wrong, text);
		return false;
	}
	if (own->on)
		*own->on = true;
	if (own->text && text)
		*own->text = text;
	if (own->number == NULL || text == NULL)
		return true;
	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < own->smallest ||
	    n > own->largest) {
		options_say(start, 2,
		    "'--%s' must be a number from %ld to %ld, not '%s' (see "
		    "--help)",
		    own->name, own->smallest, own->largest, text);
		return false;
	}
	*own->number = n;
	return true;
}

/* getopt_long() said '?' or ':' of the word before optind. */
static void
say_wrong(struct gc_start *start, int c, const struct option *all, char **argv)
{
	const char *word = argv[optind - 1];
	struct ipc_nearest near;
	char name[65], hint[100];

	if (optopt >= FIRST)
		options_say(start, 2, "'--%s' %s (see --help)",
		    all[optopt - FIRST].name,
		    c == ':' ? "needs a value" : "takes no value");
	else if (optopt)
		options_say(
		    start, 2, "unknown option '-%c' (see --help)", optopt);
	else {
		snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(word + 2, "="), word + 2);
		ipc_nearest_init(&near, name);
		for (const struct option *o = all; o->name; o++)
			ipc_nearest_look(&near, o->name);
		ipc_nearest_say(&near, hint, sizeof(hint));
		options_say(start, 2, "unknown option '%s'%s", word,
		    hint[0] ? hint : " (see --help)");
	}
}

static size_t
count_own(const struct gc_start *start)
{
	size_t n = 0;

	while (start->options && start->options[n].name)
		n++;
	return n;
}

static struct option *
all_options(const struct gc_start *start, size_t own)
{
	struct option *all = calloc(N_COMMONS + own + 1, sizeof(*all));

	for (size_t i = 0; all && i < N_COMMONS + own; i++) {
		const struct gc_option *g = NULL;

		if (i >= N_COMMONS)
			g = &start->options[i - N_COMMONS];
		all[i].name = g ? g->name : commons[i].name;
		all[i].has_arg = (g ? g->value : commons[i].value)
				     ? required_argument
				     : no_argument;
		all[i].val = FIRST + (int)i;
	}
	return all;
}

static bool
read_all(struct reading *r, struct gc_start *start, const struct option *all,
    int argc, char **argv)
{
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", all, NULL)) != -1) {
		size_t row = (size_t)(c - FIRST);

		if (c < FIRST) {
			say_wrong(start, c, all, argv);
			return false;
		}
		r->others += row >= N_COMMONS || !commons[row].replays;
		if (row < N_COMMONS)
			commons[row].take(r, optarg);
		else if (!take_own(
			     start, &start->options[row - N_COMMONS], optarg))
			return false;
		if (r->help || r->version)
			return true;
	}
	start->first_argument = optind;
	r->others += (size_t)(argc - optind);
	if (r->bad) {
		options_say(start, 2,
		    "'--%s' must be a number from 1, not '%s' (see --help)",
		    r->bad, r->bad_value);
		return false;
	}
	if (optind < argc && start->arguments == NULL) {
		options_say(start, 2, "unexpected argument '%s' (see --help)",
		    argv[optind]);
		return false;
	}
	return true;
}

bool
options_read(struct options *o, struct gc_start *start, int argc, char **argv)
{
	struct reading r = { .o = o };
	size_t room = (size_t)argc + 1;
	struct option *all = all_options(start, count_own(start));
	bool ok;

	start->status = 0;
	start->text = "";
	*o = (struct options){ .given = calloc(room, sizeof(char *)),
		.may_listen = calloc(room, sizeof(char *)),
		.limits = calloc(room, sizeof(char *)) };
	ok = all && o->given && o->limits && o->may_listen;
	if (!ok)
		options_say(start, 1, "out of memory");
	ok = ok && read_all(&r, start, all, argc, argv);
	free(all);
	o->argv = argv;
	o->bare = r.others == 0;
	o->listen = r.listens ? o->given : start->listen;
	if (ok && r.help)
		say_help(start);
	else if (ok && r.version)
		say_version(start);
	else if (ok && o->attach && o->netd)
		options_say(
		    start, 2, "'--attach' and '--netd' exclude each other");
	else if (ok && o->attach && (o->record || o->crash_dir))
		options_say(start, 2,
		    "'--attach': recording is said to netd (netd --record)");
	else if (ok && o->attach && o->no_lock)
		options_say(
		    start, 2, "'--attach': '--no-lock' is said to netd");
	else if (ok && !o->replay &&
		 (o->until || o->break_at || o->life || o->paced || o->fast))
		options_say(start, 2,
		    "'--until', '--break-at', '--life', '--paced' and "
		    "'--fast' need '--replay' (see --help)");
	else if (ok && o->paced && o->fast)
		options_say(
		    start, 2, "'--paced' and '--fast' exclude each other");
	else if (ok)
		return true;
	options_release(o);
	return false;
}

void
options_release(struct options *o)
{
	free(o->given);
	free(o->limits);
	free(o->may_listen);
	o->given = o->limits = o->may_listen = NULL;
}
