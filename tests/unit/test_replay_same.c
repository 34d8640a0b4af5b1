/* links: gamecore/replay_same.c */
/* gamecore/replay_same.c: what may differ between two runs, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gamecore/replay.h"

static struct ipc_frame
frame(unsigned kind, uint64_t id, const char *text)
{
	return (struct ipc_frame){ .kind = (uint8_t)kind,
		.id = id,
		.bytes = (const uint8_t *)text,
		.len = (uint32_t)strlen(text) };
}

/* A typed message; its bytes live until the fourth after it. */
static struct ipc_frame
typed(unsigned kind, uint64_t id, const void *m)
{
	static struct ipc_buf bufs[4];
	static unsigned turn;
	struct ipc_buf *b = &bufs[turn++ % 4];
	struct ipc_frame f = { .kind = (uint8_t)kind, .id = id };

	ipc_buf_release(b);
	ipc_buf_init(b, 1 << 16);
	assert_int_equal(ipc_msg_pack(kind, m, b), 0);
	f.bytes = b->data;
	f.len = (uint32_t)b->len;
	return f;
}

static void
what_a_game_says_is_the_same_byte_for_byte(void **state)
{
	struct ipc_frame a = frame(IPC_SEND, 7, "a room"), b = a;

	(void)state;
	assert_true(replay_same(&a, &b));
	b = frame(IPC_SEND, 8, "a room");
	assert_false(replay_same(&a, &b));
	b = frame(IPC_SEND, 7, "a rook");
	assert_false(replay_same(&a, &b));
	assert_int_equal(replay_difference(&a, &b), 5);
	b = frame(IPC_SEND, 7, "a room ");
	assert_false(replay_same(&a, &b));
	assert_int_equal(replay_difference(&a, &b), 6);
	b = frame(IPC_JOIN, 7, "a room");
	assert_false(replay_same(&a, &b));
	b = a;
	b.flags = 1;
	assert_false(replay_same(&a, &b));
	b = a;
	b.channel = 3;
	assert_false(replay_same(&a, &b));
}

static void
what_a_checkpoint_cost_is_not_compared(void **state)
{
	struct ipc_frame a = frame(IPC_CHECKPOINTED, 4, "1"), b;

	(void)state;
	b = frame(IPC_CHECKPOINTED, 4, "23");
	assert_true(replay_same(&a, &b));
	b = frame(IPC_CHECKPOINTED, 5, "1");
	assert_false(replay_same(&a, &b));
}

static void
the_number_of_the_process_is_not_compared(void **state)
{
	static char snake[] = "snake", chat[] = "chat";
	struct ipc_hello one = { .game = snake, .pid = 10 }, other = one;
	struct ipc_frame a = typed(IPC_HELLO, 0, &one), b;

	(void)state;
	other.pid = 11;
	b = typed(IPC_HELLO, 0, &other);
	assert_true(replay_same(&a, &b));
	other.game = chat;
	b = typed(IPC_HELLO, 0, &other);
	assert_false(replay_same(&a, &b));
	b = frame(IPC_HELLO, 0, "rubbish");
	assert_false(replay_same(&a, &b));
}

static bool
same_url(const char *one, const char *other)
{
	char urls[2][200];
	struct ipc_listen m[2] = { { .url = urls[0] }, { .url = urls[1] } };
	struct ipc_frame a, b;

	strcpy(urls[0], one);
	strcpy(urls[1], other);
	a = typed(IPC_LISTEN, 1, &m[0]);
	b = typed(IPC_LISTEN, 1, &m[1]);
	return replay_same(&a, &b);
}

static void
where_the_pages_lie_is_not_compared(void **state)
{
	(void)state;
	assert_true(same_url("line://*:1", "line://*:1"));
	assert_false(same_url("line://*:1", "line://*:2"));
	assert_true(same_url("ws://*:1/?www=/a", "ws://*:1/?www=/b/c"));
	assert_true(
	    same_url("ws://*:1/?www=/a&idle=60s", "ws://*:1/?www=/b&idle=60s"));
	assert_false(
	    same_url("ws://*:1/?www=/a&idle=60s", "ws://*:1/?www=/a&idle=61s"));
	assert_false(same_url("ws://*:1/?www=/a", "ws://*:2/?www=/a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_game_says_is_the_same_byte_for_byte),
		cmocka_unit_test(what_a_checkpoint_cost_is_not_compared),
		cmocka_unit_test(the_number_of_the_process_is_not_compared),
		cmocka_unit_test(where_the_pages_lie_is_not_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
