/*
 * pipes.c - the two pipes between a game and netd.
 *
 * They are made fresh for each game and each netd and never used again after a
 * death, so half a frame can never meet the next process.
 */
#include "gamecore/core.h"
#include "ipc/control.h"

#include <fcntl.h>
#include <unistd.h>

/* A pipe holds this much, if the system lets it: one slice more than what
 * leaves at once, so that a write seldom waits for its reader. */
#define PIPE_BYTES (2 * (int)IPC_SLICE)

bool
pipes_open(struct pipes *p)
{
	int up[2], down[2];

	if (pipe2(up, O_CLOEXEC) < 0)
		return false;
	if (pipe2(down, O_CLOEXEC) < 0) {
		close(up[0]);
		close(up[1]);
		return false;
	}
	/* A refusal (the user's pipes take too much already) costs speed. */
	fcntl(up[1], F_SETPIPE_SZ, PIPE_BYTES);
	fcntl(down[1], F_SETPIPE_SZ, PIPE_BYTES);
	*p = (struct pipes){ up[0], up[1], down[0], down[1] };
	return true;
}

void
pipes_close_game(const struct pipes *p)
{
	close(p->up_r);
	close(p->down_w);
}

void
pipes_close_netd(const struct pipes *p)
{
	close(p->up_w);
	close(p->down_r);
}

/* How the game was started, for recordings: a line for each word. What does
 * not fit any more is left out. */
static void
write_arguments(char **argv, char *out, size_t size)
{
	for (size_t n = 0; *argv; argv++) {
		size_t at = n;

		for (const char *p = *argv; *p && at + 4 < size; p++) {
			if (*p == '\\' || *p == '\n')
				out[at++] = '\\';
			out[at++] = (char)(*p == '\n' ? 'n' : *p);
		}
		if (at + 4 >= size) {
			out[n] = '\0';
			return;
		}
		out[at++] = '\n';
		out[at] = '\0';
		n = at;
	}
}

bool
pipes_hand_over(
    int control, unsigned how, uint64_t value, char **argv, struct pipes *p)
{
	struct ipc_control m = {
		.type = IPC_CONTROL_LINK, .number = how, .value = value
	};
	bool ok;

	if (!pipes_open(p))
		return false;
	if (argv)
		write_arguments(argv, m.text, sizeof(m.text));
	m.fds[0] = p->up_w;
	m.fds[1] = p->down_r;
	ok = ipc_control_send(control, &m) == 0;
	if (!ok)
		pipes_close_game(p);
	pipes_close_netd(p);
	return ok;
}
