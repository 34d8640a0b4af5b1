/*
 * tty.c - the launcher's side of tty:, the terminal of whoever starts a game.
 *
 * netd reads and writes it, in a session of its own so that it may from behind
 * the terminal's foreground; it restores it too, when the player leaves. Here
 * it is opened, handed over, and restored once more: netd may be killed.
 */
#include "gamecore/core.h"
#include "ipc/control.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* The cursor is seen, colours are as usual. */
#define PLAIN "\x1b[0m\x1b[?25h"

/* A process has one terminal. */
static struct {
	bool open;
	int fd;
	struct termios before;
} tty;

static bool
is_asked_for(const struct options *o)
{
	for (const char *const *url = o->listen; url && *url; url++)
		if (strcmp(*url, "tty:") == 0 || strncmp(*url, "tty:?", 5) == 0)
			return true;
	return false;
}

bool
tty_open(const struct options *o)
{
	int fd;

	if (!is_asked_for(o))
		return false;
	fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return false;
	/* In the background it is somebody else's. */
	if (tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &tty.before) < 0) {
		close(fd);
		return false;
	}
	tty.open = true;
	tty.fd = fd;
	return true;
}

bool
tty_is_open(void)
{
	return tty.open;
}

bool
tty_is_there(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
tty_hand_over(int control)
{
	struct ipc_control m = { .type = IPC_CONTROL_TTY,
		.fds = { tty.fd, -1 } };

	if (tty.open)
		ipc_control_send(control, &m);
}

void
tty_forget(void)
{
	if (tty.open)
		close(tty.fd);
	tty.open = false;
}

void
tty_restore(void)
{
	sigset_t stop, before;
	struct termios now;

	if (!tty.open || tcgetattr(tty.fd, &now) < 0 ||
	    memcmp(&now, &tty.before, sizeof(now)) == 0)
		return;
	/* The shell may have the foreground again. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTTOU);
	sigprocmask(SIG_BLOCK, &stop, &before);
	if (write(tty.fd, PLAIN, sizeof(PLAIN) - 1) == sizeof(PLAIN) - 1)
		tcdrain(tty.fd);
	tcsetattr(tty.fd, TCSADRAIN, &tty.before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}
