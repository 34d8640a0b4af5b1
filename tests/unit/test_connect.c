/* links: netd/[a-lo-qs-z]*.c netd/m[b-z]*.c */
/* links: netd/mask.c */
/* links: netd/rec*.c netd/rep*.c netd/ret*.c netd/resu*.c */
/*
 * netd/connect.c with all of netd's core around it and a resolver that answers
 * when the test wants it to: an answer that comes too late changes nothing,
 * and nobody is called any more once the end has begun.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/log.h"
#include "netd/netd.h"
#include "netd/record.h"
#include "netd/resolve.h"
#include "tests/unit/fake_main.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct netd n;

/* ---- a resolver that takes its time ---------------------------------------
 */

struct resolver_ask {
	resolver_done *done;
	void *arg;
};

static struct resolver_ask asked;
static unsigned asks, cancels;

struct resolver_ask *
resolver_ask(struct resolver *r, const char *host, uint16_t port,
    resolver_done *done, void *arg)
{
	(void)r;
	(void)host;
	(void)port;
	asks++;
	asked = (struct resolver_ask){ done, arg };
	return &asked;
}

void
resolver_cancel(struct resolver_ask *ask)
{
	/* Answered, it would be freed. */
	assert_ptr_equal(ask, &asked);
	assert_non_null(asked.done);
	cancels++;
}

/* ---- helpers --------------------------------------------------------------
 */

static int
begin(void **state)
{
	(void)state;
	memset(&n, 0, sizeof(n));
	asks = cancels = 0;
	ipc_log_init("test", IPC_LOG_ERROR);
	config_init(&n.config);
	n.now_us = 1000000000;
	n.control_fd = n.wait_fd = n.spare_fd = n.record.fd = -1;
	n.loop = ev_loop_new(EVFLAG_AUTO);
	n.link = link_new(&n);
	assert_true(clients_init(&n));
	n.link->phase = LINKED;
	n.link->journal.keep = true;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	record_release(&n);
	clients_release(&n);
	assert_int_equal(n.n_clients, 0);
	link_free(n.link);
	ev_loop_destroy(n.loop);
	return 0;
}

/* The newest frame to the game of this kind, or 0: its position. */
static uint64_t
told(unsigned kind, struct ipc_frame *f)
{
	for (uint64_t at = n.link->journal.position; at; at--) {
		assert_non_null(journal_find(&n.link->journal, at, f));
		if (f->kind == kind)
			return at;
	}
	return 0;
}

static void
answered(const struct sockaddr **addrs, const socklen_t *lens, size_t count,
    unsigned reason)
{
	resolver_done *done = asked.done;

	asked.done = NULL;
	done(asked.arg, addrs, lens, count, reason);
}

/* The name server's answer: one address where nobody listens. */
static void
answer(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
	const struct sockaddr *addrs[] = { (struct sockaddr *)&a };
	socklen_t len = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	answered(addrs, &len, 1, 0);
}

static struct client *
call(void)
{
	struct ipc_frame f;
	struct client *c;

	connect_begin(n.link, 7, "line://there.example:9");
	assert_int_equal(asks, 1);
	assert_true(told(IPC_CONNECTING, &f));
	c = client_find(&n, f.id);
	assert_non_null(c);
	assert_int_equal(c->phase, CONNECTING);
	return c;
}

/* ---- cases ----------------------------------------------------------------
 */

static void
an_answer_is_tried(void **state)
{
	struct client *c = call();

	(void)state;
	answer();
	/* Connecting, or refused at once. */
	assert_true(c->fd >= 0 || c->phase == GONE);
}

static void
an_answer_for_a_connection_that_is_closed_changes_nothing(void **state)
{
	struct client *c = call();
	struct ipc_frame f;
	uint64_t closed, id = c->id, position;

	(void)state;
	client_abort(c, IPC_REASON_KICKED, "");
	closed = told(IPC_CLOSED, &f);
	assert_true(closed && f.id == id);
	position = n.link->journal.position;
	answer();
	assert_int_equal(c->fd, -1);
	assert_int_equal(told(IPC_CLOSED, &f), closed);
	assert_int_equal(n.link->journal.position, position);
	clients_turn(&n);
	assert_int_equal(n.n_clients, 0);
	assert_int_equal(cancels, 0);
}

static void
a_question_of_a_connection_that_is_freed_is_cancelled(void **state)
{
	(void)state;
	client_abort(call(), IPC_REASON_KICKED, "");
	clients_turn(&n);
	assert_int_equal(n.n_clients, 0);
	assert_int_equal(cancels, 1);
}

static void
a_refusal_for_a_connection_that_is_closed_is_not_told_twice(void **state)
{
	struct client *c = call();
	struct ipc_frame f;
	uint64_t closed;

	(void)state;
	client_abort(c, IPC_REASON_KICKED, "");
	closed = told(IPC_CLOSED, &f);
	answered(NULL, NULL, 0, IPC_REASON_UNKNOWN_HOST);
	assert_int_equal(told(IPC_CLOSED, &f), closed);
}

static void
nobody_is_called_once_the_end_has_begun(void **state)
{
	struct ipc_frame f;
	uint64_t id;

	(void)state;
	n.draining = true;
	connect_begin(n.link, 8, "line://there.example:9");
	assert_int_equal(asks, 0);
	assert_int_equal(n.n_clients, 0);
	assert_true(told(IPC_CONNECTING, &f));
	id = f.id;
	assert_true(told(IPC_CLOSED, &f));
	assert_int_equal(f.id, id);
	assert_int_equal(f.flags, IPC_FAILED);
	assert_int_equal(f.channel, IPC_REASON_SHUTDOWN);
}

static void
a_call_that_is_under_way_ends_with_the_drain(void **state)
{
	struct client *c = call();
	struct ipc_frame f;

	(void)state;
	n.draining = true;
	clients_close_all(&n, IPC_REASON_SHUTDOWN, "");
	assert_true(told(IPC_CLOSED, &f));
	assert_int_equal(f.id, c->id);
	answer();
	assert_int_equal(c->fd, -1);
	clients_turn(&n);
	assert_int_equal(n.n_clients, 0);
}

#define CASE(f_) cmocka_unit_test_setup_teardown(f_, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_answer_is_tried),
		CASE(an_answer_for_a_connection_that_is_closed_changes_nothing),
		CASE(a_question_of_a_connection_that_is_freed_is_cancelled),
		CASE(
		    a_refusal_for_a_connection_that_is_closed_is_not_told_twice),
		CASE(nobody_is_called_once_the_end_has_begun),
		CASE(a_call_that_is_under_way_ends_with_the_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
