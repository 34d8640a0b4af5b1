/*
 * launcher_orders.c - what netd may ask of the launcher, by table.
 *
 * netd knows what the game had in hand and decides; the launcher is the parent
 * and does it: it wakes a copy, starts a program, ends a process.
 */
#include "gamecore/launcher.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Somebody looks at it, or stopped it: that is no hang. */
static bool
held_by_debugger(pid_t pid)
{
	char path[64], line[256];
	bool held = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "State:\t", 7) == 0)
			held = held || line[7] == 'T' || line[7] == 't';
		else if (strncmp(line, "TracerPid:", 10) == 0)
			held = held || strtol(line + 10, NULL, 10) != 0;
	}
	if (f)
		fclose(f);
	return held;
}

static void
on_kill(struct launcher *l, const struct ipc_control *m)
{
	if (l->game == 0 || l->netd == 0 || held_by_debugger(l->game))
		return;
	snprintf(l->hung, sizeof(l->hung), "%.60s", m->text);
	kill(l->game, SIGKILL);
}

static void
on_checkpointed(struct launcher *l, const struct ipc_control *m)
{
	wake_told(&l->wake);
	wake_dismiss(&l->wake, m->value);
}

static void
on_cold(struct launcher *l, const struct ipc_control *m)
{
	(void)m;
	if (l->game || l->stops || l->netd == 0)
		return;
	wake_dismiss(&l->wake, UINT64_MAX);
	l->game = wake_cold(&l->wake, l->control, IPC_LINK_COLD);
	if (l->game == 0)
		launcher_tell(l, IPC_CONTROL_GIVE_UP, 0, "");
}

/* A cold start is not ours to decide: netd says it aloud, and knows how many
 * there were. */
void
launcher_say_lost(struct launcher *l, uint64_t checkpoint, bool asked)
{
	struct ipc_control m = { .type = IPC_CONTROL_LOST,
		.number = asked,
		.value = checkpoint,
		.fds = { -1, -1 } };

	if (l->control >= 0 && l->netd)
		ipc_control_send(l->control, &m);
}

static void
on_wake(struct launcher *l, const struct ipc_control *m)
{
	if (l->game || l->stops || l->netd == 0)
		return;
	l->game = wake_frozen(&l->wake, l->control, m->value);
	if (l->game == 0)
		launcher_say_lost(l, m->value, true);
}

/* Its link is netd's already, and ends. */
static void
say_not_started(struct launcher *l)
{
	struct ipc_control m = {
		.type = IPC_CONTROL_LOG, .number = 2, .fds = { -1, -1 }
	};

	snprintf(m.text, sizeof(m.text),
	    "cannot_start program=\"%.1000s\" why=\"%s\"", l->wake.program,
	    strerror(errno));
	ipc_control_send(l->control, &m);
}

static void
on_upgrade(struct launcher *l, const struct ipc_control *m)
{
	(void)m;
	if (l->next || l->netd == 0 || l->stops)
		return;
	l->next_ended = false;
	l->next = wake_cold(&l->wake, l->control, IPC_LINK_UPGRADE);
	if (l->next == 0)
		say_not_started(l);
}

static void
took_over(struct launcher *l)
{
	l->upgrades++;
	l->old = l->game;
	l->old_from = 0;
	if (l->game)
		kill(l->game, SIGKILL);
	l->game = l->next;
	l->wake.hand = !l->wake.hand;
	l->next = 0;
	if (l->next_ended)
		launcher_game_ended(l, l->next_status);
}

static void
did_not(struct launcher *l, uint64_t checkpoints)
{
	l->old_from = checkpoints;
	if (l->next && !l->next_ended) {
		l->old = l->next;
		kill(l->next, SIGKILL);
	} else {
		launcher_old_ended(l);
	}
	l->next = 0;
}

static void
on_upgraded(struct launcher *l, const struct ipc_control *m)
{
	wake_told(&l->wake);
	if (m->number)
		took_over(l);
	else
		did_not(l, m->value);
}

static void
on_no_workers(struct launcher *l, const struct ipc_control *m)
{
	(void)m;
	crew_end(&l->crew, false);
}

static void
on_worker_kill(struct launcher *l, const struct ipc_control *m)
{
	crew_kill(&l->crew, m->number);
}

/* What netd may say; kinds without a row need no answer from us. */
static void (*const orders[])(struct launcher *, const struct ipc_control *) = {
	[IPC_CONTROL_LISTENER] = launcher_keep,
	[IPC_CONTROL_UNLISTENED] = launcher_unkeep,
	[IPC_CONTROL_KILL] = on_kill,
	[IPC_CONTROL_CHECKPOINTED] = on_checkpointed,
	[IPC_CONTROL_WAKE] = on_wake,
	[IPC_CONTROL_COLD] = on_cold,
	[IPC_CONTROL_UPGRADE] = on_upgrade,
	[IPC_CONTROL_UPGRADED] = on_upgraded,
	[IPC_CONTROL_NO_WORKERS] = on_no_workers,
	[IPC_CONTROL_WORKER_KILL] = on_worker_kill,
};
#define N_ORDERS (sizeof(orders) / sizeof(orders[0]))

void
launcher_hear(struct launcher *l)
{
	struct ipc_control m;

	int r = ipc_control_recv(l->control, &m);

	/* It died with orders unread; what it said itself is still there. */
	if (r < 0 && errno == ECONNRESET)
		return;
	if (r <= 0) {
		close(l->control);
		l->control = -1;
		return;
	}
	if (m.type < N_ORDERS && orders[m.type])
		orders[m.type](l, &m);
	for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
		if (m.fds[i] >= 0)
			close(m.fds[i]);
}
