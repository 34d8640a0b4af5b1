/*
 * netd/resolve.c: names become addresses while the loop goes on. The file is
 * included whole, so that its name server can be one of ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

/* A name server in this process need not be waited for so long. */
#define TRY_MS 50
#include "netd/resolve.c"

#define DEADLINE_S 20.

static struct {
	struct ev_loop *loop;
	struct resolver *resolver;
	int fd; /* the name server's socket */
	ev_io io;
	ev_timer deadline;
	int asked;   /* questions that reached it */
	int answers; /* calls of done */
	size_t n;    /* of the last */
	unsigned reason;
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} first;
} t;

/*
 * A name server: "there.*" is 192.0.2.7, "silent.*" is never answered,
 * anything else does not exist (RFC 1035 section 4).
 */
static void
on_question(struct ev_loop *loop, ev_io *w, int events)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0,
		4, 192, 0, 2, 7 };
	uint8_t m[512];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t got = recvfrom(w->fd, m, sizeof(m) - sizeof(record), 0,
	    (struct sockaddr *)&from, &len);
	size_t n = 12;
	bool there, is_a;

	(void)loop;
	(void)events;
	assert_true(got > 17);
	t.asked++;
	if (memcmp(m + 13, "silent", 6) == 0)
		return;
	there = memcmp(m + 13, "there", 5) == 0;
	while (m[n])
		n += m[n] + 1u;
	is_a = m[n + 2] == 1;
	n += 5; /* the name's end, type and class */
	m[2] |= 0x80;
	m[3] = there ? 0x80 : 0x83;
	memset(m + 6, 0, 6);
	if (there && is_a) {
		m[7] = 1;
		memcpy(m + n, record, sizeof(record));
		n += sizeof(record);
	}
	assert_int_equal(
	    sendto(w->fd, m, n, 0, (struct sockaddr *)&from, len), n);
}

static void
on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
	fail_msg("not within %.0f s", DEADLINE_S);
}

static void
on_done(void *arg, const struct sockaddr **addrs, const socklen_t *lens,
    size_t n, unsigned reason)
{
	assert_ptr_equal(arg, &t);
	t.answers++;
	t.n = n;
	t.reason = reason;
	assert_int_equal(n == 0, reason != 0);
	if (n == 0)
		return;
	assert_true(lens[0] <= sizeof(t.first));
	memcpy(&t.first, addrs[0], lens[0]);
}

static int
begin(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	char server[64];

	(void)state;
	memset(&t, 0, sizeof(t));
	t.loop = ev_loop_new(EVFLAG_AUTO);
	t.fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(t.fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(t.fd, (struct sockaddr *)&a, &len), 0);
	ev_io_init(&t.io, on_question, t.fd, EV_READ);
	ev_io_start(t.loop, &t.io);
	ev_timer_init(&t.deadline, on_deadline, DEADLINE_S, 0.);
	ev_timer_start(t.loop, &t.deadline);
	t.resolver = resolver_new(t.loop);
	assert_non_null(t.resolver);
	snprintf(server, sizeof(server), "127.0.0.1:%u", ntohs(a.sin_port));
	assert_int_equal(
	    ares_set_servers_ports_csv(t.resolver->channel, server), 0);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	resolver_free(t.resolver);
	ev_loop_destroy(t.loop);
	close(t.fd);
	return 0;
}

static void
run_until(const int *what, int n)
{
	while (*what < n)
		ev_run(t.loop, EVRUN_ONCE);
}

static struct resolver_ask *
ask(const char *host)
{
	return resolver_ask(t.resolver, host, 4000, on_done, &t);
}

static void
an_address_is_answered_at_once(void **state)
{
	(void)state;
	assert_null(ask("127.0.0.1"));
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.first.sa.sa_family, AF_INET);
	assert_int_equal(t.first.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(t.first.in4.sin_port, htons(4000));
	assert_null(ask("::1"));
	assert_int_equal(t.answers, 2);
	assert_int_equal(t.first.sa.sa_family, AF_INET6);
	assert_true(IN6_IS_ADDR_LOOPBACK(&t.first.in6.sin6_addr));
	assert_int_equal(t.first.in6.sin6_port, htons(4000));
	assert_int_equal(t.asked, 0);
}

static void
localhost_needs_no_name_server(void **state)
{
	(void)state;
	ask("localhost");
	run_until(&t.answers, 1);
	assert_int_equal(t.reason, 0);
	assert_int_equal(t.asked, 0);
	if (t.first.sa.sa_family == AF_INET) {
		assert_int_equal(
		    t.first.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
		assert_int_equal(t.first.in4.sin_port, htons(4000));
	} else {
		assert_true(IN6_IS_ADDR_LOOPBACK(&t.first.in6.sin6_addr));
		assert_int_equal(t.first.in6.sin6_port, htons(4000));
	}
}

static void
a_name_is_asked_for(void **state)
{
	(void)state;
	assert_non_null(ask("there.test."));
	assert_int_equal(t.answers, 0);
	run_until(&t.answers, 1);
	assert_true(t.asked > 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.first.sa.sa_family, AF_INET);
	assert_int_equal(t.first.in4.sin_addr.s_addr, htonl(0xc0000207));
	assert_int_equal(t.first.in4.sin_port, htons(4000));
}

static void
an_unknown_name_is_an_unknown_host(void **state)
{
	(void)state;
	ask("nowhere.test.");
	run_until(&t.answers, 1);
	assert_int_equal(t.reason, IPC_REASON_UNKNOWN_HOST);
}

static void
a_name_that_can_be_none_is_an_unknown_host(void **state)
{
	char longest[300];

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ask(longest);
	run_until(&t.answers, 1);
	assert_int_equal(t.reason, IPC_REASON_UNKNOWN_HOST);
}

static void
a_silent_name_server_is_a_time_out(void **state)
{
	(void)state;
	ask("silent.test.");
	run_until(&t.answers, 1);
	assert_int_equal(t.reason, IPC_REASON_TIMEOUT);
	assert_true(t.asked >= 2);
}

static void
a_cancelled_ask_is_not_answered_and_others_are(void **state)
{
	(void)state;
	resolver_cancel(ask("nowhere.test."));
	resolver_cancel(ask("silent.test."));
	resolver_cancel(NULL);
	ask("there.test.");
	run_until(&t.answers, 1);
	assert_int_equal(t.n, 1);
	run_until(&t.asked, 4);
	assert_int_equal(t.answers, 1);
	/* end() frees the resolver while one is still being asked. */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_is_answered_at_once),
		TEST(localhost_needs_no_name_server),
		TEST(a_name_is_asked_for),
		TEST(an_unknown_name_is_an_unknown_host),
		TEST(a_name_that_can_be_none_is_an_unknown_host),
		TEST(a_silent_name_server_is_a_time_out),
		TEST(a_cancelled_ask_is_not_answered_and_others_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
