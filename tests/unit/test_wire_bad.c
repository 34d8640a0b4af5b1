/* links: netd/wire_sock.c netd/config.c */
/*
 * netd/wire_bad.c: the bad network keeps every byte in order, late as it was
 * told to be, the same for the same seed. Its file is included whole, to see
 * its dice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>

#include "netd/wire_bad.c"

#define DEADLINE_US 10000000

/* What stands where client.c stands. */
static struct {
	struct netd netd;
	struct url url;
	struct client c;
	int peer;
	struct ipc_buf got; /* what was read of the wire */
	int eofs, errors, writables, aborts, retries;
	int hold;     /* client_readable() does not read so many times */
	bool watched; /* the last answer of wants_read() */
	int64_t first_us, last_us; /* of the bytes and the end in got */
} fake;

void
client_watch(struct client *c)
{
	fake.watched = c->wire->wants_read(c);
}

void
client_readable(struct client *c)
{
	uint8_t some[50000];
	ssize_t n;

	if (fake.hold > 0) {
		fake.hold--;
		fake.retries++;
		return;
	}
	n = c->wire->read(c, some, sizeof(some));
	if (n < 0 && errno == EAGAIN)
		return;
	fake.last_us = clock_us();
	if (fake.got.len == 0)
		fake.first_us = fake.last_us;
	if (n > 0)
		assert_true(ipc_buf_add(&fake.got, some, (size_t)n));
	else if (n == 0)
		fake.eofs++;
	else
		fake.errors++;
}

void
client_writable(struct client *c)
{
	assert_ptr_equal(c, &fake.c);
	fake.writables++;
}

void
client_lost(struct client *c, unsigned reason, const char *detail)
{
	assert_int_equal(reason, IPC_REASON_RESET);
	assert_string_equal(detail, "cut by the bad network");
	c->phase = GONE;
	fake.aborts++;
}

static void
tcp_pair(int fds[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(l >= 0);
	assert_int_equal(bind(l, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&a, len), 0);
	fds[0] = accept(l, NULL, NULL);
	assert_true(fds[0] >= 0);
	close(l);
}

static void
begin(struct bad bad)
{
	int fds[2];

	memset(&fake, 0, sizeof(fake));
	tcp_pair(fds);
	fake.netd.loop = ev_loop_new(EVFLAG_AUTO);
	fake.netd.in_fd = fake.netd.out_fd = -1;
	fake.url.bad = bad;
	fake.url.bad.on = true;
	fake.c.netd = &fake.netd;
	fake.c.url = &fake.url;
	fake.c.wire = &wire_bad;
	fake.c.id = 1;
	fake.c.phase = PLAYING;
	fake.c.fd = fds[0];
	fake.peer = fds[1];
	fcntl(fake.peer, F_SETFL, O_NONBLOCK);
	ipc_buf_init(&fake.got, 16u << 20);
	client_watch(&fake.c);
}

static void
end(void)
{
	if (fake.c.wire_state)
		wire_bad.close(&fake.c);
	ev_loop_destroy(fake.netd.loop);
	ipc_buf_release(&fake.got);
	if (fake.peer >= 0)
		close(fake.peer);
}

static void
on_epoll(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
	client_readable(&fake.c);
}

/*
 * Turn the loop until *what reaches n, watching the socket when the wire
 * wants it, as client_watch() does. The deadline fails the test.
 */
static void
run_until(const volatile int *what, int n, const size_t *bytes, size_t len)
{
	int64_t end_us = clock_us() + DEADLINE_US;
	ev_io io;

	ev_io_init(&io, on_epoll, fake.c.fd, EV_READ);
	while ((what && *what < n) || (bytes && *bytes < len)) {
		if (clock_us() > end_us)
			fail_msg("not within 10 s");
		ev_io_stop(fake.netd.loop, &io);
		if (fake.watched && fake.c.fd >= 0 && fake.c.phase != GONE)
			ev_io_start(fake.netd.loop, &io);
		ev_run(fake.netd.loop, EVRUN_ONCE);
	}
	ev_io_stop(fake.netd.loop, &io);
}

/* A tick, so that EVRUN_ONCE comes back while only the peer moves. */
static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
}

static uint8_t
byte_at(size_t i)
{
	return (uint8_t)(i * 31 + i / 253);
}

/* ---- the dice -------------------------------------------------------------
 */

static void
dues(struct bad b, uint64_t id, size_t n, int64_t *to)
{
	struct way w = { 0 };

	fake.url.bad = b;
	fake.c.url = &fake.url;
	fake.c.id = id;
	w.dice = dice_for(&fake.c, 1);
	for (size_t i = 0; i < n; i++)
		to[i] = due(&w, &b, 100, (int64_t)i * 1000000);
}

static void
the_same_seed_and_connection_have_the_same_luck(void **state)
{
	const struct bad b = {
		.seed = 7, .loss = .3, .jitter_us = 50000, .delay_us = 10000
	};
	const struct bad other = {
		.seed = 8, .loss = .3, .jitter_us = 50000, .delay_us = 10000
	};
	int64_t one[100], again[100], two[100];

	(void)state;
	dues(b, 1, 100, one);
	dues(b, 1, 100, again);
	assert_memory_equal(one, again, sizeof(one));
	dues(b, 2, 100, two);
	assert_memory_not_equal(one, two, sizeof(one));
	dues(other, 1, 100, two);
	assert_memory_not_equal(one, two, sizeof(one));
}

static void
loss_happens_as_often_as_was_asked(void **state)
{
	const struct bad b = { .seed = 1, .loss = .05, .delay_us = 80000 };
	static int64_t at[10000];
	int late = 0;

	(void)state;
	dues(b, 1, 10000, at);
	for (int i = 0; i < 10000; i++) {
		int64_t took = at[i] - (int64_t)i * 1000000;

		assert_true(took == 80000 || took == 80000 + 200000 + 160000);
		late += took > 80000;
	}
	assert_in_range(late, 400, 600);
}

static void
jitter_stays_in_its_bounds_and_never_reorders(void **state)
{
	const struct bad b = { .seed = 1,
		.jitter_us = 50000,
		.delay_us = 10000,
		.reorder = .1,
		.loss = .01 };
	struct way w = { .dice = 1 };
	int64_t before = 0, near = INT64_MAX;

	(void)state;
	for (int64_t now = 0; now < 10000000; now += 1000) {
		int64_t at = due(&w, &b, 100, now);

		assert_true(at >= before && at >= now + 10000);
		assert_true(at <= now + 60000 + 10000 + 220000);
		before = at;
	}
	/* With nobody before it a segment is late for itself alone. */
	for (int64_t now = 20000000; now < 60000000; now += 1000000) {
		int64_t late = due(&w, &b, 100, now) - now;

		if (late < near)
			near = late;
	}
	assert_true(near < 20000);
}

static void
a_rate_spaces_segments_and_a_doubled_one_counts_twice(void **state)
{
	struct bad b = { .seed = 1, .bytes_per_s = 1000 };
	struct way w = { .dice = 1 };

	(void)state;
	assert_int_equal(due(&w, &b, 100, 0), 100000);
	assert_int_equal(due(&w, &b, 100, 0), 200000);
	assert_int_equal(due(&w, &b, 100, 1000000), 1100000);
	b.dup = 1;
	assert_int_equal(due(&w, &b, 100, 2000000), 2200000);
}

/* ---- the wire --------------------------------------------------------------
 */

static void
every_byte_comes_in_order_however_bad_it_is(void **state)
{
	enum { N = 300000 };
	size_t sent = 0;
	ev_timer tick;

	(void)state;
	begin((struct bad){ .seed = 3,
	    .delay_us = 5000,
	    .jitter_us = 20000,
	    .reorder = .2,
	    .dup = .1 });
	ev_timer_init(&tick, on_tick, .005, .005);
	ev_timer_start(fake.netd.loop, &tick);
	while (fake.got.len < N) {
		uint8_t some[7000];
		size_t n = 0;
		ssize_t r;

		while (n < sizeof(some) && sent + n < N) {
			some[n] = byte_at(sent + n);
			n++;
		}
		r = n ? sock_send(fake.peer, some, n) : 0;
		if (r > 0)
			sent += (size_t)r;
		run_until(NULL, 0, &fake.got.len,
		    fake.got.len + (sent > fake.got.len));
		assert_true(((struct line *)fake.c.wire_state)->in.held <
			    2 * BAD_QUEUE);
	}
	assert_int_equal(fake.got.len, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(fake.got.data[i], byte_at(i));
	assert_int_equal(fake.eofs + fake.errors, 0);
	ev_timer_stop(fake.netd.loop, &tick);
	end();
}

static void
bytes_and_the_end_come_no_sooner_than_the_delay(void **state)
{
	int64_t start;

	(void)state;
	begin((struct bad){ .seed = 1, .delay_us = 60000 });
	start = clock_us();
	assert_int_equal(sock_send(fake.peer, "hello", 5), 5);
	shutdown(fake.peer, SHUT_WR);
	run_until(&fake.eofs, 1, NULL, 0);
	assert_int_equal(fake.got.len, 5);
	assert_true(fake.first_us - start >= 60000);
	assert_true(fake.last_us - start >= 60000);
	assert_int_equal(fake.errors, 0);
	end();
}

static void
what_is_written_comes_no_sooner_than_the_delay(void **state)
{
	char text[16];
	int64_t start;
	ev_timer tick;
	ssize_t n = -1;

	(void)state;
	begin((struct bad){ .seed = 1, .delay_us = 60000 });
	ev_timer_init(&tick, on_tick, .001, .001);
	ev_timer_start(fake.netd.loop, &tick);
	start = clock_us();
	assert_int_equal(wire_bad.write(&fake.c, "hello", 5), 5);
	while (n < 0 && clock_us() < start + DEADLINE_US) {
		ev_run(fake.netd.loop, EVRUN_ONCE);
		n = sock_recv(fake.peer, text, sizeof(text));
	}
	assert_int_equal(n, 5);
	assert_memory_equal(text, "hello", 5);
	assert_true(clock_us() - start >= 60000);
	ev_timer_stop(fake.netd.loop, &tick);
	end();
}

static void
a_full_line_takes_no_more_until_there_is_room(void **state)
{
	static uint8_t much[2 * BAD_QUEUE];
	ssize_t n;

	(void)state;
	begin((struct bad){ .seed = 1, .delay_us = 30000 });
	n = wire_bad.write(&fake.c, much, sizeof(much));
	assert_int_equal(n, BAD_QUEUE);
	assert_int_equal(wire_bad.write(&fake.c, much, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fake.writables, 0);
	run_until(&fake.writables, 1, NULL, 0);
	assert_true(wire_bad.write(&fake.c, much, 1000) > 0);
	end();
}

static void
a_full_line_stops_reading_the_socket(void **state)
{
	static uint8_t much[4 * BAD_QUEUE];
	ssize_t n;

	(void)state;
	begin((struct bad){ .seed = 1, .delay_us = 50000 });
	n = sock_send(fake.peer, much, sizeof(much));
	assert_true(n > 2 * BAD_QUEUE);
	assert_true(fake.watched);
	client_readable(&fake.c);
	assert_false(fake.watched);
	assert_int_equal(fake.got.len, 0);
	run_until(NULL, 0, &fake.got.len, (size_t)n);
	assert_true(fake.watched);
	end();
}

static void
bytes_wait_while_the_client_may_not_read(void **state)
{
	(void)state;
	begin((struct bad){ .seed = 1, .delay_us = 1000 });
	assert_int_equal(sock_send(fake.peer, "hello", 5), 5);
	while (((struct line *)fake.c.wire_state)->in.head == NULL)
		client_readable(&fake.c);
	fake.watched = false;
	fake.hold = 3;
	run_until(NULL, 0, &fake.got.len, 5);
	assert_int_equal(fake.retries, 3);
	end();
}

static void
a_cut_is_a_reset_to_both(void **state)
{
	char text[16];
	int64_t stop = clock_us() + DEADLINE_US;
	ssize_t n;

	(void)state;
	begin((struct bad){ .seed = 1, .cut = 1 });
	run_until(&fake.aborts, 1, NULL, 0);
	assert_int_equal(wire_bad.write(&fake.c, "x", 1), -1);
	assert_int_equal(errno, ECONNRESET);
	wire_bad.close(&fake.c);
	assert_int_equal(fake.c.fd, -1);
	do
		n = sock_recv(fake.peer, text, sizeof(text));
	while (n < 0 && errno == EAGAIN && clock_us() < stop);
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	end();
}

static void
what_was_written_before_the_close_still_arrives(void **state)
{
	static uint8_t much[50000], back[sizeof(much) + 1];
	int64_t stop = clock_us() + DEADLINE_US;
	size_t got = 0;
	ssize_t n = -1;
	ev_timer tick;

	(void)state;
	begin((struct bad){ .seed = 1, .delay_us = 40000 });
	ev_timer_init(&tick, on_tick, .001, .001);
	ev_timer_start(fake.netd.loop, &tick);
	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = byte_at(i);
	assert_int_equal(
	    wire_bad.write(&fake.c, much, sizeof(much)), sizeof(much));
	wire_bad.shutdown(&fake.c);
	assert_int_equal(wire_bad.write(&fake.c, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	wire_bad.close(&fake.c);
	assert_null(fake.c.wire_state);
	while (n != 0 && clock_us() < stop) {
		ev_run(fake.netd.loop, EVRUN_ONCE);
		n = sock_recv(fake.peer, back + got, sizeof(back) - got);
		if (n > 0)
			got += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(got, sizeof(much));
	assert_memory_equal(much, back, sizeof(much));
	ev_timer_stop(fake.netd.loop, &tick);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_same_seed_and_connection_have_the_same_luck),
		cmocka_unit_test(loss_happens_as_often_as_was_asked),
		cmocka_unit_test(jitter_stays_in_its_bounds_and_never_reorders),
		cmocka_unit_test(
		    a_rate_spaces_segments_and_a_doubled_one_counts_twice),
		cmocka_unit_test(every_byte_comes_in_order_however_bad_it_is),
		cmocka_unit_test(
		    bytes_and_the_end_come_no_sooner_than_the_delay),
		cmocka_unit_test(
		    what_is_written_comes_no_sooner_than_the_delay),
		cmocka_unit_test(a_full_line_takes_no_more_until_there_is_room),
		cmocka_unit_test(a_full_line_stops_reading_the_socket),
		cmocka_unit_test(bytes_wait_while_the_client_may_not_read),
		cmocka_unit_test(a_cut_is_a_reset_to_both),
		cmocka_unit_test(
		    what_was_written_before_the_close_still_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
