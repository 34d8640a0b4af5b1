/*
 * send.c - what a game says: each call is one frame on the pipe, and returns
 * before anything leaves. Next: stream.c, which gathers them.
 */
#include "gamecore/core.h"

#include <stdio.h>
#include <string.h>

/* What netd is not told twice: a line for the log is cut to this. */
#define LOG_LINE_MAX 1500

static int
put(struct gc_net *net, unsigned kind, uint64_t id, unsigned channel,
    const void *bytes, size_t len)
{
	struct ipc_frame f = { .kind = (uint8_t)kind,
		.channel = (uint16_t)channel,
		.id = id,
		.bytes = bytes,
		.len = (uint32_t)len };

	return stream_put(net, &f, NULL);
}

/* ---- messages ----------------------------------------------------------- */

static int
put_message(struct gc_net *net, unsigned kind, uint64_t id,
    const struct gc_how *how, const void *bytes, size_t len)
{
	static const struct gc_how plain;
	struct ipc_frame f = {
		.kind = (uint8_t)kind, .id = id, .bytes = bytes
	};

	if (how == NULL)
		how = &plain;
	if (len > IPC_FRAME_MAX_MAX)
		return net_problem(net, GC_ETOO_LONG,
		    "a message of %zu bytes is too long", len);
	if (how->class_ > GC_DROPPABLE)
		return net_problem(
		    net, GC_EINVALID, "no such class: %u", how->class_);
	f.len = (uint32_t)len;
	f.channel = how->key;
	f.flags = (uint8_t)((unsigned)how->class_ |
			    (how->binary ? IPC_BINARY : IPC_TEXT));
	if (!how->binary && !how->plain && (how->markup || net->markup))
		f.flags |= IPC_MARKUP;
	return stream_put(net, &f, kind == IPC_SEND_BUT ? &how->but : NULL);
}

int
gc_send_how(struct gc_net *net, uint64_t conn, const struct gc_how *how,
    const void *bytes, size_t len)
{
	struct ipc_frame f = { .kind = IPC_SEND, .id = conn, .bytes = bytes };
	uint8_t *to;

	/* Its end may be on the way while the game still writes: no error. */
	if (conns_again(&net->conns, conn) == NULL)
		return net->failed;
	/* A plain message with room for it: nothing else is to be asked. */
	if (net->markup || (how && (how->class_ | how->key | how->markup)) ||
	    (to = stream_place(net, len)) == NULL)
		return put_message(net, IPC_SEND, conn, how, bytes, len);
	f.flags = how && how->binary ? IPC_BINARY : IPC_TEXT;
	f.len = (uint32_t)len;
	ipc_frame_lay(to, &f);
	return 0;
}

int
gc_send(struct gc_net *net, uint64_t conn, const void *bytes, size_t len)
{
	return gc_send_how(net, conn, NULL, bytes, len);
}

int
gc_send_group(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const void *bytes, size_t len)
{
	bool but = how && how->but;

	return put_message(
	    net, but ? IPC_SEND_BUT : IPC_SEND_GROUP, group, how, bytes, len);
}

static int print_out(struct gc_net *net, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Print into net->printed: 0 or GC_E... */
static int
print_out(struct gc_net *net, const char *format, va_list ap)
{
	struct ipc_buf *b = &net->printed;
	va_list again;
	int n;

	va_copy(again, ap);
	ipc_buf_clear(b);
	n = vsnprintf((char *)b->data, b->size, format, ap);
	if (n >= 0 && (size_t)n >= b->size) {
		char *to = (char *)ipc_buf_space(b, (size_t)n + 1);

		if (to == NULL)
			n = -1;
		else
			vsnprintf(to, (size_t)n + 1, format, again);
	}
	va_end(again);
	if (n < 0)
		return net_problem(net, GC_ETOO_LONG, "too long to print");
	ipc_buf_added(b, (size_t)n);
	return 0;
}

int
gc_vprintf(struct gc_net *net, uint64_t conn, const char *format, va_list ap)
{
	int r = print_out(net, format, ap);

	return r < 0 ? r
		     : gc_send(net, conn, net->printed.data, net->printed.len);
}

int
gc_printf(struct gc_net *net, uint64_t conn, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = gc_vprintf(net, conn, format, ap);
	va_end(ap);
	return r;
}

int
gc_vprintf_group(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const char *format, va_list ap)
{
	int r = print_out(net, format, ap);

	return r < 0 ? r
		     : gc_send_group(net, group, how, net->printed.data,
			   net->printed.len);
}

int
gc_printf_group(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = gc_vprintf_group(net, group, how, format, ap);
	va_end(ap);
	return r;
}

/* ---- what happens to connections ---------------------------------------- */

static int
member(struct gc_net *net, unsigned kind, uint64_t conn, uint64_t group)
{
	if (group == 0)
		return net_problem(net, GC_EINVALID, "group 0 is everybody");
	if (conns_find(&net->conns, conn) == NULL)
		return net->failed;
	return put(net, kind, conn, 0, &group, sizeof(group));
}

int
gc_join(struct gc_net *net, uint64_t conn, uint64_t group)
{
	return member(net, IPC_JOIN, conn, group);
}

int
gc_leave(struct gc_net *net, uint64_t conn, uint64_t group)
{
	return member(net, IPC_LEAVE, conn, group);
}

/* The most whole UTF-8 characters of text that fit. */
static size_t
cut_text(const char *text, size_t max)
{
	size_t n = strnlen(text, max + 1);

	if (n <= max)
		return n;
	n = max;
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

int
gc_hang_up(struct gc_net *net, uint64_t conn, unsigned reason, const char *text)
{
	if (text == NULL)
		text = "";
	if (reason == 0 || reason >= IPC_REASON_END)
		return net_problem(
		    net, GC_EINVALID, "no such reason: %u", reason);
	if (conns_find(&net->conns, conn) == NULL)
		return net->failed;
	return put(net, IPC_CLOSE, conn, reason, text,
	    cut_text(text, IPC_CLOSE_TEXT_MAX));
}

int
gc_tag(struct gc_net *net, uint64_t conn, const void *bytes, size_t len)
{
	if (len > IPC_TAG_MAX)
		return net_problem(net, GC_ETOO_LONG,
		    "a tag of %zu bytes is too long: %u are the most", len,
		    IPC_TAG_MAX);
	if (conns_find(&net->conns, conn) == NULL)
		return net->failed;
	if (respawn_tag(net, conn, bytes, len) < 0)
		return GC_ENO_MEMORY;
	return put(net, IPC_TAG, conn, 0, bytes, len);
}

/* ---- time --------------------------------------------------------------- */

/* As much as fits into microseconds. */
#define MS_MAX (INT64_MAX / 1000)

int
gc_tick(struct gc_net *net, int interval_ms)
{
	if (interval_ms <= 0)
		return net_problem(net, GC_EINVALID,
		    "a tick of %d ms is not possible", interval_ms);
	net->tick_us = (int64_t)interval_ms * 1000;
	return put(net, IPC_TICK_START, (uint64_t)net->tick_us, 0, NULL, 0);
}

int
gc_tick_stop(struct gc_net *net)
{
	net->tick_us = 0;
	return put(net, IPC_TICK_STOP, 0, 0, NULL, 0);
}

int
gc_timer(
    struct gc_net *net, uint64_t number, int64_t delay_ms, int64_t repeat_ms)
{
	struct ipc_timer_start m;
	int r;

	if (number >= OURS || delay_ms < 0 || repeat_ms < 0 ||
	    delay_ms > MS_MAX || repeat_ms > MS_MAX)
		return net_problem(
		    net, GC_EINVALID, "a timer's number or time is not valid");
	m.delay_us = (uint64_t)delay_ms * 1000;
	m.repeat_us = (uint64_t)repeat_ms * 1000;
	r = respawn_timer(
	    net, number, (int64_t)m.delay_us, (int64_t)m.repeat_us);
	if (r < 0)
		return r;
	return stream_put_msg(net, IPC_TIMER_START, number, &m);
}

int
gc_timer_stop(struct gc_net *net, uint64_t number)
{
	if (number >= OURS)
		return net_problem(
		    net, GC_EINVALID, "a timer's number is not valid");
	respawn_timer_stop(net, number);
	return put(net, IPC_TIMER_STOP, number, 0, NULL, 0);
}

/* ---- the log ------------------------------------------------------------ */

int
gc_log(struct gc_net *net, int level, const char *format, ...)
{
	va_list ap;
	int r;

	if (level < 0 || level > 2)
		return net_problem(
		    net, GC_EINVALID, "no such level of the log: %d", level);
	va_start(ap, format);
	r = print_out(net, format, ap);
	va_end(ap);
	if (r < 0)
		return r;
	return put(net, IPC_LOG, 0, (unsigned)level, net->printed.data,
	    net->printed.len < LOG_LINE_MAX ? net->printed.len : LOG_LINE_MAX);
}
