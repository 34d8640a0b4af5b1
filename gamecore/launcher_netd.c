/*
 * launcher_netd.c - netd died: another one takes its place.
 *
 * The launcher keeps the listening sockets, so that no connect is refused
 * meanwhile, and the key of the tokens, so that players may come back. The
 * game goes on where it stands and is linked anew (respawn.c is its side).
 */
#include "gamecore/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Each netd numbers its connections from so much above the one before, and its
 * checkpoints: more than either comes to. */
#define CONNS_APART 1000000000000u
#define CHECKPOINTS_APART ((uint64_t)1 << 32)
/* Unless the limits of these names say otherwise, netd is given up when it
 * dies once more than so often in this time. */
#define RESTARTS_MAX 5
#define RESTARTS_MS 30000
/* Of one --record FILE: FILE.2 ... */
#define RECORDINGS_MAX 1000

uint64_t
launcher_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void
launcher_drop_fresh(struct launcher *l)
{
	if (l->have_fresh)
		pipes_close_game(&l->fresh);
	l->have_fresh = false;
}

void
launcher_unkeep(struct launcher *l, const struct ipc_control *m)
{
	struct kept **p = &l->kept, *k;

	while (*p && (*p)->number != m->number)
		p = &(*p)->next;
	k = *p;
	if (k == NULL)
		return;
	*p = k->next;
	close(k->fd);
	free(k);
}

void
launcher_keep(struct launcher *l, const struct ipc_control *m)
{
	struct kept *k;

	/* A game that starts again is told of its listeners again. */
	launcher_unkeep(l, m);
	k = malloc(sizeof(*k));
	if (k == NULL)
		return;
	k->number = m->number;
	k->fd = fcntl(m->fds[0], F_DUPFD_CLOEXEC, 0);
	snprintf(k->url, sizeof(k->url), "%s", m->text);
	if (k->fd < 0) {
		free(k);
		return;
	}
	k->next = l->kept;
	l->kept = k;
}

/* A limit as it was given to netd, in its smallest unit. */
static uint64_t
limit_of(const struct options *o, const char *name, uint64_t preset)
{
	size_t len = strlen(name);

	for (size_t i = 0; o->limits[i]; i++) {
		char *end;
		uint64_t v;

		if (strncmp(o->limits[i], name, len) != 0 ||
		    o->limits[i][len] != '=')
			continue;
		v = strtoull(o->limits[i] + len + 1, &end, 10);
		if (*end == 's')
			v *= 1000;
		else if (*end == 'h')
			v *= 3600000;
		else if (strcmp(end, "m") == 0)
			v *= 60000;
		preset = v;
	}
	return preset;
}

/* Dies it too often? */
static bool
loops(struct launcher *l, uint64_t now, const char *how)
{
	uint64_t ms = limit_of(l->o, "restarts_ms", RESTARTS_MS);
	uint64_t max = limit_of(l->o, "restarts_max", RESTARTS_MAX);

	if (l->deaths == 0 || now - l->then_us > ms * 1000) {
		l->deaths = 0;
		l->then_us = now;
	}
	if (++l->deaths <= max)
		return false;
	options_say(l->start, 1,
	    "netd died %u times in %.1f s, the last time of: %s; given up",
	    l->deaths, (double)(now - l->then_us) / 1e6, how);
	return true;
}

/* The sockets first: from then on it accepts. */
static void
hand_over_listeners(struct launcher *l)
{
	for (const struct kept *k = l->kept; k; k = k->next) {
		struct ipc_control m = { .type = IPC_CONTROL_ADOPT,
			.number = k->number,
			.value = l->respawns * CONNS_APART,
			.fds = { k->fd, -1 } };

		snprintf(m.text, sizeof(m.text), "%s", k->url);
		ipc_control_send(l->control, &m);
	}
}

static void
say_netd_died(struct launcher *l, const char *how, uint64_t since_us)
{
	struct ipc_control m = { .type = IPC_CONTROL_LOG,
		.number = 2,
		.value = since_us,
		.fds = { -1, -1 } };

	snprintf(m.text, sizeof(m.text), "netd_died how=\"%s\"", how);
	ipc_control_send(l->control, &m);
}

void
launcher_answer_again(struct launcher *l)
{
	struct wake *w = &l->wake;

	for (size_t i = 0; i < w->n_askers;) {
		pid_t pid = w->askers[i].pid;

		if (pid == l->game && l->have_fresh) {
			wake_answer(w, i, &l->fresh);
			launcher_drop_fresh(l);
		} else if (l->netd && (pid == l->game || pid == l->next)) {
			i++;
		} else {
			wake_answer(w, i, NULL);
		}
	}
}

/* The game that runs keeps what it has and is linked anew; one that died under
 * the old netd starts again, since nobody knows what it had been told. */
static bool
link_game(struct launcher *l)
{
	/* Frozen copies stand in a stream that is no more. */
	wake_dismiss(&l->wake, UINT64_MAX);
	if (l->game == 0) {
		l->game = wake_cold(&l->wake, l->control, IPC_LINK_FIRST);
		return l->game != 0;
	}
	l->have_fresh = pipes_hand_over(l->control, IPC_LINK_AGAIN,
	    launcher_can_wake(l) ? l->respawns * CHECKPOINTS_APART : 0,
	    l->o->argv, &l->fresh);
	return l->have_fresh;
}

/*
 * A recording ends with the netd that wrote it; the next goes on in FILE.2 and
 * so on. False: it cannot, or FILE is a device.
 */
static bool
next_recording(const char *file, char *out, size_t size)
{
	struct stat st;

	if (stat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	for (unsigned i = 2; i < RECORDINGS_MAX; i++) {
		int n = snprintf(out, size, "%s.%u", file, i), fd;

		if (n < 0 || (size_t)n >= size)
			return false;
		fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0;
	}
	return false;
}

void
launcher_make_key(char out[65])
{
	uint8_t key[32];

	while (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		continue;
	for (size_t i = 0; i < sizeof(key); i++)
		snprintf(out + 2 * i, 3, "%02x", key[i]);
}

static void
respawn_netd(struct launcher *l)
{
	struct options o = *l->o;
	uint64_t now = launcher_clock_us();
	char how[64], file[PATH_MAX];

	if (o.record && !next_recording(o.record, file, sizeof(file)))
		o.record = NULL;
	else if (o.record)
		o.record = file;
	launch_how(l->netd_status, how, sizeof(how));
	if (loops(l, now, how) ||
	    !start_netd(&o, l->start, &l->netd, &l->control)) {
		/* The game is told, and ends by itself. */
		l->given_up = true;
		crew_end(&l->crew, false);
		launcher_answer_again(l);
		return;
	}
	l->respawns++;
	control_say(l->control, IPC_CONTROL_KEY, 0, l->key);
	crew_lost(&l->crew);
	crew_declare(l->start->workers, l->control);
	hand_over_listeners(l);
	say_netd_died(l, how, now);
	/* If it died at once or we have no descriptors: the next try. */
	if (!link_game(l))
		kill(l->netd, SIGKILL);
	launcher_answer_again(l);
}

/* Is there, or will there be, a game for a new netd? */
static bool
game_goes_on(const struct launcher *l)
{
	return l->game ||
	       (l->game_status && !l->no_start && launcher_can_wake(l));
}

/* What it said last lies in the control socket. */
static void
hear_out(struct launcher *l)
{
	while (l->control >= 0)
		launcher_hear(l);
}

/*
 * Killed, or crashed: a new one with the same listeners takes its place, and
 * no connect is refused. One that ended with a status has said why.
 */
void
launcher_netd_ended(struct launcher *l, int status)
{
	l->netd = 0;
	l->netd_status = status;
	tty_restore();
	hear_out(l);
	launcher_drop_fresh(l);
	if (l->next && !l->next_ended) /* its link is gone; the old plays on */
		kill(l->next, SIGKILL);
	l->next = 0;
	l->upgrades = 0;
	if (WIFSIGNALED(status) && l->stops == 0 && l->wake.keeper >= 0 &&
	    game_goes_on(l)) {
		respawn_netd(l);
		return;
	}
	l->netd_first = l->game != 0;
	crew_end(&l->crew, false);
	launcher_answer_again(l);
}
