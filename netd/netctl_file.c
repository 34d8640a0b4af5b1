/*
 * netctl_file.c - recordings and raw pipes as lines, and lines as frames;
 * recordings cut, joined, counted.
 *
 * Everything streams: a recording may be larger than memory, and a pipe is
 * shown as it flows. A torn tail is cut off with a word about it; damage ends
 * with what was good until there, and status 1.
 */
#include "netd/netctl.h"

#include "ipc/msg.h"
#include "ipc/std.h"
#include "ipc/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES (5u * IPC_FRAME_MAX_MAX)

/* ---- reading --------------------------------------------------------------
 */

struct source {
	const char *name;
	int fd;
	bool open; /* the reader is */
	struct ipc_recording_reader reader;
};

static int
source_fd(struct source *s, const char *name)
{
	s->name = name;
	s->open = false;
	s->fd = strcmp(name, "-") == 0 ? dup(0) : open(name, O_RDONLY);
	if (s->fd < 0)
		return fail("cannot open '%s': %s", name, strerror(errno));
	return DONE;
}

static void
source_close(struct source *s)
{
	if (s->open)
		ipc_recording_close(&s->reader);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->open = false;
}

static int
source_open(struct source *s, const char *name)
{
	if (source_fd(s, name) != DONE)
		return FAILED;
	if (ipc_recording_open(&s->reader, s->fd) < 0) {
		fail("'%s': %s", name,
		    s->reader.why[0] ? s->reader.why : "out of memory");
		source_close(s);
		return FAILED;
	}
	s->open = true;
	return DONE;
}

/* After the last frame: how did it end? */
static int
source_verdict(const struct source *s, int got)
{
	if (got < 0)
		return fail("'%s': %s", s->name,
		    s->reader.why[0] ? s->reader.why : ipc_error_text(got));
	if (s->reader.torn)
		fail("'%s': %s", s->name, s->reader.why);
	return DONE;
}

/* ---- dump -----------------------------------------------------------------
 */

struct filter {
	bool all;
	bool by_conn;
	const char *kind;
	uint64_t conn;
};

static bool
wanted(const struct filter *f, const struct ipc_frame *frame)
{
	const struct ipc_info *info = ipc_info(frame->kind);

	if (f->by_conn && !ipc_text_about(frame, f->conn))
		return false;
	return f->kind == NULL ||
	       (info && strcasecmp(info->name, f->kind) == 0);
}

/* margin: what stands before the frame's own line. */
static bool
print_frame(const struct filter *f, const struct ipc_frame *frame,
    const char *margin, struct ipc_buf *line)
{
	if (!wanted(f, frame))
		return true;
	ipc_buf_clear(line);
	return ipc_buf_printf(line, "%s", margin) &&
	       ipc_text_print(frame, f->all, line) &&
	       ipc_buf_add(line, "\n", 1) &&
	       fwrite(line->data, 1, line->len, stdout) == line->len;
}

static void
print_quoted(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 0x20 && p[i] < 0x7f)
			putchar(p[i]);
		else
			printf("\\x%02x", p[i]);
}

static void
print_time(int64_t us)
{
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	char text[40];

	if (us < 0 || gmtime_r(&s, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		printf("%" PRId64 " us", us);
	else
		printf("%s.%06dZ", text, (int)(us % 1000000));
}

static void
print_head(const struct ipc_recording_reader *r)
{
	const char *p = r->text, *end = p + r->text_len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		printf("# ");
		print_quoted((const uint8_t *)p, n);
		putchar('\n');
		p += n + 1;
	}
}

static int
dump_recording(struct source *s, const struct filter *f, struct ipc_buf *line)
{
	struct ipc_recorded rec;
	int64_t start = 0;
	char margin[80];
	int got;

	print_head(&s->reader);
	while ((got = ipc_recording_next_frame(&s->reader, &rec)) == 1) {
		double at;

		if (start == 0) {
			start = rec.time_us;
			printf("# begins at ");
			print_time(start);
			putchar('\n');
		}
		at = (double)(rec.time_us - start) / 1e6;
		if (rec.type != IPC_RECORD_UP && rec.type != IPC_RECORD_DOWN) {
			printf("# %" PRIu64 " %.6f %s ", rec.position, at,
			    ipc_record_name(rec.type));
			print_quoted(rec.bytes, rec.len);
			putchar('\n');
			continue;
		}
		snprintf(margin, sizeof(margin), "%c %" PRIu64 " %.6f ",
		    rec.type == IPC_RECORD_UP ? '<' : '>', rec.position, at);
		if (!print_frame(f, &rec.frame, margin, line))
			return fail("cannot write: %s", strerror(errno));
	}
	return source_verdict(s, got);
}

/* Frames as they came through a pipe; which way is the kind's own. */
static int
dump_raw(struct source *s, struct ipc_reader *r, const struct filter *f,
    struct ipc_buf *line)
{
	uint64_t up = 0, down = 0;
	struct ipc_frame frame;
	char margin[40];

	for (;;) {
		enum ipc_decoded d;
		size_t room;
		uint8_t *to;
		ssize_t n;

		while ((d = ipc_reader_next(r, &frame)) == IPC_FRAME) {
			const struct ipc_info *info = ipc_info(frame.kind);
			bool is_down = info && info->to == IPC_TO_NETD;
			uint64_t *count = is_down ? &down : &up;

			*count += frame.kind != IPC_COMMIT;
			snprintf(margin, sizeof(margin), "%c %" PRIu64 " ",
			    is_down ? '>' : '<', *count);
			if (!print_frame(f, &frame, margin, line))
				return fail(
				    "cannot write: %s", strerror(errno));
		}
		if (fflush(stdout) != 0)
			return fail("cannot write: %s", strerror(errno));
		if (d == IPC_BROKEN)
			return fail("'%s': after %" PRIu64 " bytes, frame up "
				    "%" PRIu64 ", down %" PRIu64 ": %s at its "
				    "byte %zu",
			    s->name, r->taken, up, down, r->why, r->wrong_at);
		to = ipc_reader_space(r, &room);
		n = to ? read(s->fd, to, room) : -1;
		if (n < 0)
			return fail(
			    "cannot read '%s': %s", s->name, strerror(errno));
		if (n == 0)
			break;
		ipc_reader_filled(r, (size_t)n);
	}
	if (r->end > r->pos)
		fail("'%s': ends inside a frame: %zu bytes of it", s->name,
		    r->end - r->pos);
	return DONE;
}

/* A recording begins with 'p', a frame with 't'. */
static int
dump(struct source *s, const struct filter *f)
{
	struct ipc_reader r;
	struct ipc_buf line;
	uint8_t first;
	ssize_t n = read(s->fd, &first, 1);
	size_t room;
	int status;

	if (n < 0)
		return fail("cannot read '%s': %s", s->name, strerror(errno));
	ipc_buf_init(&line, LINE_MAX_BYTES);
	if (n == 1 && first == 't') {
		ipc_reader_init(&r, IPC_FRAME_MAX_MAX);
		uint8_t *to = ipc_reader_space(&r, &room);

		if (to == NULL)
			return fail("out of memory");
		*to = first;
		ipc_reader_filled(&r, 1);
		status = dump_raw(s, &r, f, &line);
		ipc_reader_release(&r);
	} else if (ipc_recording_open_after(
		       &s->reader, s->fd, &first, (size_t)n) < 0) {
		status = fail("'%s': %s", s->name, s->reader.why);
	} else {
		s->open = true;
		status = dump_recording(s, f, &line);
	}
	ipc_buf_release(&line);
	return status;
}

int
run_dump(int argc, char **argv)
{
	struct filter f = { 0 };
	struct source s;
	const char *name, *value;
	int at = 1, status;

	while ((name = option(argc, argv, &at, "|kind|conn|", &value))) {
		if (strcmp(name, "all") == 0)
			f.all = true;
		else if (strcmp(name, "kind") == 0)
			f.kind = value;
		else if (strcmp(name, "conn") == 0 && whole(value, &f.conn))
			f.by_conn = true;
		else
			return usage("dump");
	}
	if (at + 1 != argc)
		return usage("dump");
	if (source_fd(&s, argv[at]) != DONE)
		return FAILED;
	status = dump(&s, &f);
	source_close(&s);
	return status;
}

/* ---- make -----------------------------------------------------------------
 */

int
run_make(int argc, char **argv)
{
	struct ipc_text_error e;
	struct ipc_buf out;
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	ssize_t n;
	int status = DONE;

	(void)argv;
	if (argc != 1)
		return usage("make");
	ipc_buf_init(&out, IPC_FRAME_MAX_MAX);
	while (status == DONE && (n = getline(&line, &size, stdin)) >= 0) {
		int got;

		number++;
		n -= n && line[n - 1] == '\n';
		ipc_buf_clear(&out);
		got = ipc_text_parse(line, (size_t)n, &out, &e);
		if (got == IPC_ERR_INVALID)
			status = fail("line %u, column %zu: %s", number,
			    e.column, e.text);
		else if (got < 0)
			status =
			    fail("line %u: %s", number, ipc_error_text(got));
		else if (!ipc_write_all(1, out.data, out.len))
			status = fail("cannot write: %s", strerror(errno));
	}
	free(line);
	ipc_buf_release(&out);
	return status;
}

/* ---- writing recordings ----------------------------------------------------
 */

/* Frames of one record of the source that go into the new one together. */
struct sink {
	const char *name;
	int fd;
	struct ipc_recording recording;
	struct ipc_buf frames;
	uint8_t type;
	int64_t time_us;
};

static int
sink_open(struct sink *k, const char *name, const char *text, size_t len)
{
	memset(k, 0, sizeof(*k));
	k->name = name;
	k->fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (k->fd < 0 ||
	    ipc_recording_create(&k->recording, k->fd, text, len) < 0) {
		fail("cannot write '%s': %s", name, strerror(errno));
		if (k->fd >= 0)
			close(k->fd);
		return FAILED;
	}
	ipc_buf_init(&k->frames, IPC_RECORD_MAX);
	return DONE;
}

static int
sink_flush(struct sink *k)
{
	int error = 0;

	if (k->frames.len)
		error = ipc_recording_add(&k->recording, k->type,
		    k->frames.data, k->frames.len, k->time_us);
	ipc_buf_clear(&k->frames);
	return error;
}

/* Keeps the position that the frame has in its source. */
static int
sink_add(struct sink *k, const struct ipc_recorded *f)
{
	uint64_t *newest =
	    f->type == IPC_RECORD_UP ? &k->recording.up : &k->recording.down;
	uint64_t before = f->position - (f->frame.kind != IPC_COMMIT);
	bool frames = f->type == IPC_RECORD_UP || f->type == IPC_RECORD_DOWN;
	char text[512];
	int error;

	if (!frames || f->type != k->type || f->time_us != k->time_us ||
	    k->frames.len + f->len > IPC_RECORD_MAX) {
		error = sink_flush(k);
		if (error < 0)
			return error;
	}
	if (!frames) {
		snprintf(text, sizeof(text), "%.*s", (int)f->len,
		    (const char *)f->bytes);
		return ipc_recording_mark(
		    &k->recording, f->type, text, f->time_us);
	}
	if (k->frames.len == 0 && *newest == 0)
		*newest = before;
	k->type = f->type;
	k->time_us = f->time_us;
	return ipc_buf_add(&k->frames, f->bytes, f->len) ? 0
							 : IPC_ERR_NO_MEMORY;
}

static int
sink_close(struct sink *k, int error)
{
	int e = errno;

	if (error == 0)
		error = sink_flush(k);
	if (error == 0)
		error = ipc_recording_flush(&k->recording);
	if (error < 0)
		e = errno;
	ipc_recording_release(&k->recording);
	ipc_buf_release(&k->frames);
	if (close(k->fd) < 0 && error == 0) {
		error = IPC_ERR_SYSTEM;
		e = errno;
	}
	if (error < 0)
		return fail("cannot write '%s': %s", k->name,
		    error == IPC_ERR_SYSTEM ? strerror(e)
					    : ipc_error_text(error));
	return DONE;
}

/* ---- cut ------------------------------------------------------------------
 */

static int
cut(struct source *s, struct sink *k, uint64_t from, uint64_t until)
{
	struct ipc_recorded f;
	uint64_t up = 0;
	int64_t last_us = 0;
	int got, error = 0, status = DONE;

	while (error == 0 &&
	       (got = ipc_recording_next_frame(&s->reader, &f)) == 1) {
		if (f.type == IPC_RECORD_UP)
			up = f.position;
		if (up > until)
			break;
		last_us = f.time_us;
		if (up >= from)
			error = sink_add(k, &f);
	}
	if (error == 0 && got == 1) {
		error = sink_flush(k);
		if (error == 0)
			error = ipc_recording_mark(
			    &k->recording, IPC_RECORD_END, "how=cut", last_us);
	} else if (error == 0) {
		status = source_verdict(s, got);
	}
	return sink_close(k, error) == DONE ? status : FAILED;
}

int
run_cut(int argc, char **argv)
{
	uint64_t from = 0, until = UINT64_MAX;
	const char *file = NULL, *out = NULL, *name, *value;
	struct source s;
	struct sink k;
	int at = 1, status = FAILED;

	while (at < argc) {
		name = option(argc, argv, &at, "|from|until|o|", &value);
		if (name == NULL && file == NULL && at < argc)
			file = argv[at++];
		else if (name && strcmp(name, "o") == 0)
			out = value;
		else if (!name ||
			 !((strcmp(name, "from") == 0 && whole(value, &from)) ||
			     (strcmp(name, "until") == 0 &&
				 whole(value, &until))))
			return usage("cut");
	}
	if (file == NULL || out == NULL)
		return usage("cut");
	if (source_open(&s, file) != DONE)
		return FAILED;
	if (sink_open(&k, out, s.reader.text, s.reader.text_len) == DONE)
		status = cut(&s, &k, from, until);
	source_close(&s);
	return status;
}

/* ---- join -----------------------------------------------------------------
 */

static bool
same_program(
    const struct ipc_recording_reader *a, const struct ipc_recording_reader *b)
{
	struct ipc_buf x, y;
	bool same;

	ipc_buf_init(&x, IPC_RECORDING_TEXT_MAX);
	ipc_buf_init(&y, IPC_RECORDING_TEXT_MAX);
	ipc_recording_head_get(a->text, a->text_len, "program", 0, &x);
	ipc_recording_head_get(b->text, b->text_len, "program", 0, &y);
	same = x.len == y.len &&
	       (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
	ipc_buf_release(&x);
	ipc_buf_release(&y);
	return same;
}

static int
first_half(struct source *a, struct sink *k, uint64_t *committed)
{
	struct ipc_recorded f;
	int got, error = 0;

	while (error == 0 &&
	       (got = ipc_recording_next_frame(&a->reader, &f)) == 1) {
		if (f.frame.kind == IPC_COMMIT)
			*committed = f.frame.id;
		/* It did not end there. */
		if (f.type == IPC_RECORD_END)
			f.type = IPC_RECORD_NOTE;
		error = sink_add(k, &f);
	}
	if (error == 0)
		error = sink_flush(k);
	if (error < 0)
		return fail("cannot write '%s': %s", k->name, strerror(errno));
	return source_verdict(a, got);
}

/* Where the first one ends, and how far the two together have come. */
struct seam {
	uint64_t up, down, committed;
	uint64_t have[2];
};

/* Is this frame of the second one in the first already? */
static bool
there_already(const struct seam *m, const struct ipc_recorded *f)
{
	if (f->type == IPC_RECORD_UP)
		return f->position <= m->up;
	if (f->type != IPC_RECORD_DOWN)
		return f->position < m->up;
	if (f->frame.kind == IPC_COMMIT)
		return f->position <= m->down && f->frame.id <= m->committed;
	return f->position <= m->down;
}

static int
join_frame(const struct source *b, struct sink *k, struct seam *m,
    struct ipc_recorded *f)
{
	bool frames = f->type == IPC_RECORD_UP || f->type == IPC_RECORD_DOWN;
	uint64_t *have = &m->have[f->type == IPC_RECORD_DOWN];

	if (there_already(m, f))
		return 0;
	if (frames && *have && f->position > *have + 1) {
		fail("'%s' goes on at frame %s %" PRIu64
		     ", the first one ends at %" PRIu64,
		    b->name, ipc_record_name(f->type), f->position, *have);
		return IPC_ERR_RECORDING;
	}
	if (frames)
		*have = f->position;
	return sink_add(k, f);
}

static int
second_half(struct source *b, struct sink *k, uint64_t committed)
{
	struct seam m = { k->recording.up, k->recording.down, committed,
		{ k->recording.up, k->recording.down } };
	struct ipc_recorded f;
	bool first = true;
	int got, error = 0;

	while (error == 0 &&
	       (got = ipc_recording_next_frame(&b->reader, &f)) == 1) {
		if (first && f.position <= 1 && f.frame.kind) {
			/* Another life: both directions count anew. */
			error = ipc_recording_mark(&k->recording,
			    IPC_RECORD_RESTART, "why=joined", f.time_us);
			m = (struct seam){ 0 };
		}
		first = first && f.frame.kind == 0;
		if (error == 0)
			error = join_frame(b, k, &m, &f);
	}
	if (error == 0)
		error = sink_flush(k);
	if (error == IPC_ERR_RECORDING)
		return FAILED;
	if (error < 0)
		return fail("cannot write '%s': %s", k->name, strerror(errno));
	return source_verdict(b, got);
}

int
run_join(int argc, char **argv)
{
	const char *files[2] = { 0 }, *out = NULL, *name, *value;
	struct source a, b = { .fd = -1 };
	uint64_t committed = 0;
	struct sink k;
	int at = 1, n = 0, status = FAILED;

	while (at < argc) {
		name = option(argc, argv, &at, "|o|", &value);
		if (name == NULL && n < 2 && at < argc)
			files[n++] = argv[at++];
		else if (name && strcmp(name, "o") == 0)
			out = value;
		else
			return usage("join");
	}
	if (n != 2 || out == NULL)
		return usage("join");
	if (source_open(&a, files[0]) != DONE)
		return FAILED;
	if (source_open(&b, files[1]) != DONE)
		goto out;
	if (!same_program(&a.reader, &b.reader)) {
		fail("'%s' and '%s' are of different programs", files[0],
		    files[1]);
		goto out;
	}
	if (sink_open(&k, out, a.reader.text, a.reader.text_len) != DONE)
		goto out;
	status = first_half(&a, &k, &committed);
	if (status == DONE)
		status = second_half(&b, &k, committed);
	if (sink_close(&k, 0) != DONE)
		status = FAILED;
	if (status != DONE)
		unlink(out);
out:
	source_close(&b);
	source_close(&a);
	return status;
}

/* ---- stats ----------------------------------------------------------------
 */

struct counts {
	uint64_t frames[2][256], bytes[2][256];
	uint64_t opened, closed, peak, here, marks, restarts;
	uint64_t reasons[IPC_REASON_END];
	int64_t first_us, last_us;
};

static void
count_frame(struct counts *c, const struct ipc_recorded *f)
{
	int down = f->type == IPC_RECORD_DOWN;

	c->frames[down][f->frame.kind]++;
	c->bytes[down][f->frame.kind] += f->len;
	if (f->frame.kind == IPC_OPENED) {
		c->opened++;
		c->here++;
		if (c->here > c->peak)
			c->peak = c->here;
	}
	if (f->frame.kind == IPC_CLOSED && !(f->frame.flags & IPC_FAILED)) {
		c->closed++;
		c->here -= c->here > 0;
		if (f->frame.channel < IPC_REASON_END)
			c->reasons[f->frame.channel]++;
	}
}

static void
print_counts(const struct counts *c, int down, double seconds)
{
	uint64_t frames = 0, bytes = 0;

	for (unsigned k = 0; k < 256; k++) {
		frames += c->frames[down][k];
		bytes += c->bytes[down][k];
	}
	printf("%s: %" PRIu64 " frames, %" PRIu64 " bytes",
	    down ? "down" : "up", frames, bytes);
	if (seconds > 0)
		printf(", %.1f frames/s, %.1f bytes/s",
		    (double)frames / seconds, (double)bytes / seconds);
	putchar('\n');
	for (unsigned k = 0; k < 256; k++) {
		const struct ipc_info *info = ipc_info(k);

		if (c->frames[down][k] == 0)
			continue;
		if (info)
			printf("  %-12s", info->name);
		else
			printf("  KIND_%-7u", k);
		printf(" %10" PRIu64 " frames %12" PRIu64 " bytes\n",
		    c->frames[down][k], c->bytes[down][k]);
	}
}

static void
print_stats(const struct counts *c, const struct source *s)
{
	double seconds = (double)(c->last_us - c->first_us) / 1e6;

	print_head(&s->reader);
	printf("duration: %.6f s\n", seconds);
	print_counts(c, 0, seconds);
	print_counts(c, 1, seconds);
	printf("connections: %" PRIu64 " opened, %" PRIu64 " closed, %" PRIu64
	       " at once\n",
	    c->opened, c->closed, c->peak);
	for (unsigned r = 0; r < IPC_REASON_END; r++)
		if (c->reasons[r])
			printf("  %-12s %10" PRIu64 "\n", ipc_reason_name(r),
			    c->reasons[r]);
	if (c->restarts)
		printf("restarts: %" PRIu64 "\n", c->restarts);
	printf("ended: %s\n", s->reader.ended  ? "yes"
			      : s->reader.torn ? "no, torn"
					       : "no");
}

int
run_stats(int argc, char **argv)
{
	struct counts *c;
	struct source s;
	struct ipc_recorded f;
	int got, status;

	if (argc != 2)
		return usage("stats");
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return fail("out of memory");
	if (source_open(&s, argv[1]) != DONE) {
		free(c);
		return FAILED;
	}
	while ((got = ipc_recording_next_frame(&s.reader, &f)) == 1) {
		if (c->first_us == 0)
			c->first_us = f.time_us;
		c->last_us = f.time_us;
		if (f.type == IPC_RECORD_UP || f.type == IPC_RECORD_DOWN)
			count_frame(c, &f);
		c->restarts += f.type == IPC_RECORD_RESTART;
	}
	print_stats(c, &s);
	status = source_verdict(&s, got);
	source_close(&s);
	free(c);
	return status;
}
