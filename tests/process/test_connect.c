/* links: tests/lib/kit*.c */
/*
 * Connections outwards: one netd calls itself by name, number and file, over
 * good and bad networks, and says in a reason why another call came to nothing.
 */
#include "tests/lib/kit_game.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static struct kit_proc *netd;
static struct kit_link game;

static void
begin(void)
{
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
}

static void
call(uint64_t request, const char *url)
{
	char text[300];
	struct ipc_connect m = { .url = text };

	snprintf(text, sizeof(text), "%s", url);
	assert_true(kit_link_msg(&game, IPC_CONNECT, request, &m));
	assert_true(kit_link_commit(&game));
}

static const char *
port_of(const char *url)
{
	return strrchr(url, ':') + 1;
}

/* The call fails with this reason (or that) and the number it was given. */
static void
fails(const char *url, unsigned reason, unsigned or_reason)
{
	struct ipc_frame f;
	uint64_t id;

	call(7, url);
	kit_link_until(&game, IPC_CONNECTING, &f);
	id = f.id;
	do /* an earlier call may end only now */
		kit_link_until(&game, IPC_CLOSED, &f);
	while (f.id != id);
	assert_int_equal(f.flags, IPC_FAILED);
	if (f.channel != reason && f.channel != or_reason)
		kit_fail(
		    "'%s' failed as '%s'", url, ipc_reason_name(f.channel));
	assert_true(f.len > 0);
}

/*
 * Call a listener of the same netd, say something there and have it answered:
 * the milliseconds that took. Both ends are the game's.
 */
static int64_t
reaches(const char *url)
{
	uint64_t conns[2] = { 0, 0 }, out;
	struct ipc_frame f;
	int64_t start;

	call(9, url);
	kit_link_until(&game, IPC_CONNECTING, &f);
	out = f.id;
	for (int i = 0; i < 2; i++) {
		kit_link_until(&game, IPC_OPENED, &f);
		conns[f.id == out] = f.id;
	}
	assert_true(conns[0] && conns[1] == out);
	start = kit_now_ms();
	assert_true(kit_link_say(&game, out, "hello"));
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_true(f.id == conns[0] && f.len == 5);
	assert_true(kit_link_say(&game, conns[0], "welcome"));
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_true(f.id == out && f.len == 7);
	assert_memory_equal(f.bytes, "welcome", 7);
	return kit_now_ms() - start;
}

static void
a_name_is_reached(void)
{
	char url[300];

	begin();
	snprintf(url, sizeof(url), "line://localhost:%s",
	    port_of(kit_link_listen(&game, "line://127.0.0.1:0")));
	reaches(url);
	kit_detach(&game);
}

static void
an_address_is_reached_over_tcp(void)
{
	begin();
	reaches(kit_link_listen(&game, "tcp://127.0.0.1:0"));
	kit_detach(&game);
}

static void
a_socket_file_is_reached(void)
{
	struct stat st;
	char url[300];

	begin();
	snprintf(url, sizeof(url), "unix://%s", kit_path("game.sock"));
	reaches(kit_link_listen(&game, url));
	assert_int_equal(stat(kit_path("game.sock"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	kit_detach(&game);
}

static void
a_bad_network_lies_under_outgoing_lines_too(void)
{
	char url[300];

	begin();
	snprintf(url, sizeof(url), "line://localhost:%s?delay=60ms",
	    port_of(kit_link_listen(&game, "line://127.0.0.1:0")));
	assert_in_range(reaches(url), 119, 3000);
	kit_detach(&game);
}

static void
a_port_where_nobody_listens_refuses(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char url[300];

	/* Taken by us, so nobody else can begin to listen there. */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	begin();
	snprintf(url, sizeof(url), "line://127.0.0.1:%u", ntohs(a.sin_port));
	fails(url, IPC_REASON_REFUSED, 0);
	kit_close(fd);
	kit_detach(&game);
}

static void
a_datagram_port_where_nobody_listens_refuses_at_once(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char url[300];

	/* Taken by us, and we hear nobody but ourselves. */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, len), 0);
	begin();
	/* Nothing but the answer ends it within the test's time. */
	snprintf(url, sizeof(url), "udp://127.0.0.1:%u?connect=600s",
	    ntohs(a.sin_port));
	fails(url, IPC_REASON_REFUSED, 0);
	/* Of two addresses of a name the second one may be the right one. */
	snprintf(url, sizeof(url), "udp://localhost:%s?connect=600s",
	    port_of(kit_link_listen(&game, "udp://127.0.0.1:0")));
	reaches(url);
	kit_close(fd);
	kit_detach(&game);
}

static void
a_file_that_is_not_there_refuses(void)
{
	char url[300];

	begin();
	snprintf(url, sizeof(url), "unix://%s", kit_path("nobody.sock"));
	fails(url, IPC_REASON_REFUSED, 0);
	kit_detach(&game);
}

static void
what_is_no_url_is_said_to_be_none(void)
{
	begin();
	fails("line://localhost", IPC_REASON_BAD_URL, 0);
	fails("gopher://localhost:70", IPC_REASON_BAD_URL, 0);
	fails("line://localhost:70?colour=red", IPC_REASON_BAD_URL, 0);
	kit_detach(&game);
}

static void
players_are_served_while_a_name_is_looked_up(void)
{
	struct ipc_frame f;
	const char *url;
	uint64_t conn;
	int player;

	begin();
	url = kit_link_listen(&game, "line://127.0.0.1:0");
	player = kit_connect(url);
	kit_link_until(&game, IPC_OPENED, &f);
	conn = f.id;
	call(1, "line://nowhere.invalid:4000");
	kit_link_until(&game, IPC_CONNECTING, &f);
	kit_send(player, "hello\n");
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_true(f.id == conn);
	assert_true(kit_link_say(&game, conn, "welcome"));
	kit_expect(player, "welcome\n");
	/* A machine without a name server has to wait for none. */
	fails("line://nowhere.invalid:4000", IPC_REASON_UNKNOWN_HOST,
	    IPC_REASON_TIMEOUT);
	kit_detach(&game);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_name_is_reached),
		KIT_TEST(an_address_is_reached_over_tcp),
		KIT_TEST(a_socket_file_is_reached),
		KIT_TEST(a_bad_network_lies_under_outgoing_lines_too),
		KIT_TEST(a_port_where_nobody_listens_refuses),
		KIT_TEST(a_datagram_port_where_nobody_listens_refuses_at_once),
		KIT_TEST(a_file_that_is_not_there_refuses),
		KIT_TEST(what_is_no_url_is_said_to_be_none),
		KIT_TEST(players_are_served_while_a_name_is_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
