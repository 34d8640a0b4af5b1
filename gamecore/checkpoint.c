/*
 * checkpoint.c - freezing a copy of the game where it stands.
 *
 * A frame asks for it while the game waits inside stream_take(), so all that
 * the game is lies in its memory: the copy is a fork(). Until this process can
 * make one it says so, and netd keeps its journal from the start.
 */
#include "gamecore/core.h"

int
checkpoint_asked(struct gc_net *net, uint64_t number)
{
	struct ipc_checkpointed m = { .done = 0 };

	return stream_put_msg(net, IPC_CHECKPOINTED, number, &m);
}
