/*
 * tr_tty.c - tty:, the terminal of whoever started the game: one player, whose
 * keys are messages.
 *
 * The launcher opened the terminal and handed it over (or we are in front of
 * it ourselves: netd --wait). It is in raw mode while the player is there:
 * each key is a message (keys.h), and a message of the game that begins with
 * ESC is written as it is, for games that draw. Any other is a line, over
 * whatever was drawn on the line of the cursor. Ctrl-C still is a signal.
 *
 * When the player has gone, the terminal is as it was, and without any other
 * listener there is nobody to come: netd stops. The launcher restores the
 * terminal too, in case we are killed.
 */
#include "netd/keys.h"
#include "netd/netd.h"

#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ESC 0x1b
/* How soon a new size of the window is seen. */
#define LOOK_S 0.1
/* The cursor is seen, colours are as usual. */
#define PLAIN "\x1b[0m\x1b[?25h"
/* To the left, and that line is empty. */
#define CLEAR "\x1b[G\x1b[K"

struct tty {
	struct netd *netd;
	struct listener *listener; /* NULL: it was closed */
	struct client *client;     /* NULL: not yet, or gone */
	int fd;
	bool raw; /* before is what it was */
	struct termios before;
	ev_timer look; /* first: let the player in */
};

/* ---- the codec ------------------------------------------------------------
 */

static int
tty_start(struct client *c)
{
	client_open(c);
	return 0;
}

static ssize_t
tty_feed(struct client *c, const uint8_t *bytes, size_t len)
{
	size_t used = 0;
	bool more = true;

	while (more && used < len) {
		bool text;
		size_t n = key_length(bytes + used, len - used, &text);

		if (n == 0)
			break;
		used += n;
		more = client_got(
		    c, text ? IPC_TEXT : IPC_BINARY, bytes + used - n, n);
	}
	return (ssize_t)used;
}

static size_t
tty_encode_max(size_t len)
{
	return len + sizeof(CLEAR);
}

static size_t
tty_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	size_t n = 0;

	(void)outgoing;
	(void)flags;
	if (len && bytes[0] == ESC) {
		memcpy(out, bytes, len);
		return len;
	}
	memcpy(out, CLEAR, sizeof(CLEAR) - 1);
	n = sizeof(CLEAR) - 1;
	if (len)
		memcpy(out + n, bytes, len);
	n += len;
	if (len == 0 || bytes[len - 1] != '\n')
		out[n++] = '\n';
	return n;
}

static bool
tty_goodbye(struct client *c, unsigned reason, const char *text, size_t len)
{
	(void)reason;
	if (len && client_raw(c, text, len))
		client_raw(c, "\n", 1);
	return false;
}

/* ---- the wire -------------------------------------------------------------
 */

static ssize_t
wire_read(struct client *c, void *p, size_t n)
{
	ssize_t got = read(c->fd, p, n);

	/* The terminal was closed. */
	return got < 0 && errno == EIO ? 0 : got;
}

static ssize_t
wire_write(struct client *c, const void *p, size_t n)
{
	return write(c->fd, p, n);
}

/* A terminal does not answer a goodbye. */
static void
wire_shutdown(struct client *c)
{
	c->saw_eof = true;
	client_mark(c);
}

static void
tty_free(struct tty *t)
{
	ev_timer_stop(t->netd->loop, &t->look);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static void
cook(struct tty *t)
{
	if (!t->raw)
		return;
	t->raw = false;
	/* Who cannot be reached needs no comfort. */
	if (write(t->fd, PLAIN, sizeof(PLAIN) - 1) < 0)
		errno = 0;
	tcsetattr(t->fd, TCSADRAIN, &t->before);
}

static void on_left(struct ev_loop *loop, ev_timer *w, int events);

static void
wire_close(struct client *c)
{
	struct tty *t = c->wire_state;

	close(c->fd);
	c->fd = -1;
	if (t == NULL)
		return;
	c->wire_state = NULL;
	t->client = NULL;
	cook(t);
	ev_timer_stop(t->netd->loop, &t->look);
	if (t->listener == NULL) {
		tty_free(t);
		return;
	}
	/* Not in the middle of a turn. */
	ev_timer_init(&t->look, on_left, 0., 0.);
	t->look.data = t;
	ev_timer_start(t->netd->loop, &t->look);
}

static const struct wire wire_tty = {
	.name = "tty",
	.read = wire_read,
	.write = wire_write,
	.shutdown = wire_shutdown,
	.close = wire_close,
};

/* ---- the terminal ---------------------------------------------------------
 */

static void
on_left(struct ev_loop *loop, ev_timer *w, int events)
{
	struct tty *t = w->data;
	struct netd *n = t->netd;

	(void)events;
	ev_timer_stop(loop, w);
	if (n->n_listeners == 1 && n->stops == 0)
		stop_asked(n, "terminal");
}

/* Ctrl-C is a signal still; the others that were are keys, and a newline is
 * written as one. */
static bool
make_raw(struct tty *t)
{
	struct termios raw;

	if (tcgetattr(t->fd, &t->before) < 0)
		return false;
	raw = t->before;
	raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR |
				   IGNCR | ICRNL | IXON);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
	raw.c_lflag |= ISIG;
	raw.c_oflag |= OPOST | ONLCR;
	raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	raw.c_cflag |= CS8;
	raw.c_cc[VQUIT] = raw.c_cc[VSUSP] = _POSIX_VDISABLE;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	t->raw = tcsetattr(t->fd, TCSADRAIN, &raw) == 0;
	return t->raw;
}

static void
look(struct tty *t)
{
	struct winsize size;

	if (ioctl(t->fd, TIOCGWINSZ, &size) == 0 && size.ws_col)
		client_resized(t->client, size.ws_col, size.ws_row);
}

static void
on_look(struct ev_loop *loop, ev_timer *w, int events)
{
	struct tty *t = w->data;

	(void)loop;
	(void)events;
	look(t);
}

static void
say_what_it_is(struct client *c)
{
	const char *term = getenv("TERM"), *colours = getenv("COLORTERM");

	client_terminal(c, term ? term : "");
	if (term == NULL || strcmp(term, "dumb") == 0)
		return;
	terminal_said(c, IPC_SET_COLOURS,
	    colours && strstr(colours, "truecolor") ? 3
	    : strstr(term, "256")                   ? 2
						    : 1);
}

/* The game knows its listener now: here is who is on it. */
static void
on_begin(struct ev_loop *loop, ev_timer *w, int events)
{
	struct tty *t = w->data;
	struct listener *l = t->listener;
	int fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
	struct client *c = fd < 0 ? NULL
				  : client_new(t->netd, l->url->transport,
					&wire_tty, fd, l->url);

	(void)events;
	ev_timer_stop(loop, w);
	if (c == NULL || !make_raw(t)) {
		ipc_log(
		    IPC_LOG_ERROR, "terminal", "fault=\"%s\"", strerror(errno));
		if (c)
			client_abort(c, IPC_REASON_NO_MEMORY, "");
		else if (fd >= 0)
			close(fd);
		return;
	}
	c->wire_state = t;
	t->client = c;
	t->netd->metrics.accepted++;
	say_what_it_is(c);
	look(t);
	ev_timer_init(w, on_look, LOOK_S, LOOK_S);
	w->data = t;
	ev_timer_start(loop, w);
	client_start(c);
}

static void *
tty_open_socket(struct listener *l, int fd)
{
	struct tty *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		close(fd);
		return NULL;
	}
	t->netd = l->netd;
	t->listener = l;
	t->fd = fd;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	ev_timer_init(&t->look, on_begin, 0., 0.);
	t->look.data = t;
	ev_timer_start(l->netd->loop, &t->look);
	return t;
}

static void
tty_close_socket(void *socket)
{
	struct tty *t = socket;

	t->listener = NULL;
	if (t->client == NULL)
		tty_free(t);
}

/* The one that was handed over, else our own. */
static int
tty_open_device(const struct netd *n, const char **what)
{
	int fd = n->tty_fd >= 0
		     ? fcntl(n->tty_fd, F_DUPFD_CLOEXEC, 0)
		     : open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && n->tty_fd < 0 && tcgetpgrp(fd) != getpgrp()) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		*what = "there is no terminal (start the game in one, in its "
			"foreground)";
	return fd;
}

const struct transport tr_tty = {
	.name = "tty",
	.is_tty = true,
	.is_prose = true,
	.start = tty_start,
	.feed = tty_feed,
	.encode = tty_encode,
	.encode_max = tty_encode_max,
	.goodbye = tty_goodbye,
	.open_device = tty_open_device,
	.open_socket = tty_open_socket,
	.close_socket = tty_close_socket,
};
