/* ipc/control.c: messages with descriptors beside them, whole or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ipc/control.h"
#include "ipc/msg.h"

static int ends[2];

static int
open_ends(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int
close_ends(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static size_t
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* A raw message with n descriptors, whatever control_send would allow. */
static void
send_raw(const void *bytes, size_t len, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * 8)];
	} a;
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(&a, 0, sizeof(a));
	if (n) {
		struct cmsghdr *c;

		h.msg_control = a.space;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	assert_true(sendmsg(ends[0], &h, MSG_NOSIGNAL) >= 0);
}

static void
carries_text_numbers_and_two_descriptors(void **state)
{
	struct ipc_control m = { .type = IPC_CONTROL_LINK,
		.number = 2,
		.value = UINT64_MAX,
		.text = "hello" },
			   got;
	int pipe_fds[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	m.fds[0] = pipe_fds[0];
	m.fds[1] = pipe_fds[1];
	assert_int_equal(ipc_control_send(ends[0], &m), 0);
	assert_int_equal(ipc_control_recv(ends[1], &got), 1);
	assert_int_equal(got.type, m.type);
	assert_int_equal(got.number, 2);
	assert_true(got.value == UINT64_MAX);
	assert_string_equal(got.text, "hello");
	assert_true(fcntl(got.fds[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(got.fds[1], "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	for (int i = 0; i < 2; i++) {
		close(pipe_fds[i]);
		close(got.fds[i]);
	}
}

static void
carries_one_descriptor_or_none(void **state)
{
	struct ipc_control m = { .type = IPC_CONTROL_ADOPT }, got;

	(void)state;
	m.fds[0] = m.fds[1] = -1;
	assert_int_equal(ipc_control_send(ends[0], &m), 0);
	assert_int_equal(ipc_control_recv(ends[1], &got), 1);
	assert_int_equal(got.fds[0], -1);
	assert_string_equal(got.text, "");
	m.fds[0] = ends[0];
	assert_int_equal(ipc_control_send(ends[0], &m), 0);
	assert_int_equal(ipc_control_recv(ends[1], &got), 1);
	assert_true(got.fds[0] >= 0);
	assert_int_equal(got.fds[1], -1);
	close(got.fds[0]);
}

static void
text_of_the_largest_size_arrives_whole(void **state)
{
	struct ipc_control m = { .type = IPC_CONTROL_LOG, .fds = { -1, -1 } };
	struct ipc_control got;

	(void)state;
	memset(m.text, 'x', sizeof(m.text) - 1);
	assert_int_equal(ipc_control_send(ends[0], &m), 0);
	assert_int_equal(ipc_control_recv(ends[1], &got), 1);
	assert_int_equal(strlen(got.text), sizeof(m.text) - 1);
}

static void
refuses_what_is_too_short_or_too_long(void **state)
{
	char big[sizeof(struct ipc_control) + 100];
	struct ipc_control got;

	(void)state;
	memset(big, 1, sizeof(big));
	send_raw(big, 15, NULL, 0);
	assert_int_equal(ipc_control_recv(ends[1], &got), IPC_ERR_PROTOCOL);
	send_raw(big, 16, NULL, 0);
	assert_int_equal(ipc_control_recv(ends[1], &got), 1);
	send_raw(big, sizeof(big), NULL, 0);
	assert_int_equal(ipc_control_recv(ends[1], &got), IPC_ERR_PROTOCOL);
}

static void
a_refused_message_leaks_no_descriptor(void **state)
{
	int fds[5] = { ends[0], ends[0], ends[0], ends[0], ends[0] };
	char big[sizeof(struct ipc_control) + 100];
	size_t before = open_descriptors();
	struct ipc_control got;

	(void)state;
	memset(big, 1, sizeof(big));
	send_raw(big, 4, fds, 2);
	assert_int_equal(ipc_control_recv(ends[1], &got), IPC_ERR_PROTOCOL);
	send_raw(big, 16, fds, 5);
	assert_int_equal(ipc_control_recv(ends[1], &got), IPC_ERR_PROTOCOL);
	send_raw(big, sizeof(big), fds, 2);
	assert_int_equal(ipc_control_recv(ends[1], &got), IPC_ERR_PROTOCOL);
	send_raw(big, 0, fds, 2);
	assert_int_equal(ipc_control_recv(ends[1], &got), 0);
	assert_int_equal(open_descriptors(), before);
}

static void
tells_the_end_and_a_dead_peer(void **state)
{
	struct ipc_control m = { .type = IPC_CONTROL_STOP, .fds = { -1, -1 } };
	struct ipc_control got;

	(void)state;
	shutdown(ends[0], SHUT_RDWR);
	assert_int_equal(ipc_control_recv(ends[1], &got), 0);
	assert_int_equal(ipc_control_send(ends[1], &m), IPC_ERR_SYSTEM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_ends, close_ends)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(carries_text_numbers_and_two_descriptors),
		TEST(carries_one_descriptor_or_none),
		TEST(text_of_the_largest_size_arrives_whole),
		TEST(refuses_what_is_too_short_or_too_long),
		TEST(a_refused_message_leaks_no_descriptor),
		TEST(tells_the_end_and_a_dead_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
