/* links: netd/talk.c */
/* Any bytes as a player's word: it is done, refused, or not ours; and what is
 * answered can be read. */
#include "netd/event.h"
#include "netd/netd.h"
#include "netd/side.h"
#include "netd/state.h"
#include "netd/talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct client c;
static struct link l = { .frame_max = 1 << 20 };
static unsigned closed;

void
client_close(struct client *who, unsigned reason, const char *detail)
{
	assert(who == &c && reason == IPC_REASON_PROTOCOL && detail[0]);
	closed++;
}

void
client_abort(struct client *who, unsigned reason, const char *detail)
{
	(void)who;
	(void)reason;
	(void)detail;
	abort();
}

void
client_send(struct client *who, unsigned flags, uint16_t key,
    const uint8_t *bytes, size_t len)
{
	struct ipc_value *v;
	const char *why;

	assert(who == &c && key == 0);
	assert((flags & IPC_BINARY ? ipc_value_unpack(bytes, len,
					 &ipc_value_from_pipe, &v, &why)
				   : ipc_value_from_json(bytes, len,
					 &ipc_value_from_pipe, &v, &why)) == 0);
	assert(ipc_value_size(v) >= 2);
	ipc_value_free(v);
}

bool
side_send(struct link *to, struct client *who, const struct ipc_frame *f)
{
	(void)to;
	(void)who;
	(void)f;
	abort();
}

bool
event_came(struct client *who, uint64_t request, const char *name,
    size_t name_len, const struct ipc_value *args,
    const struct ipc_value *kwargs)
{
	assert(who == &c && request <= INT64_MAX);
	assert(name_len > 0 && name_len <= 255 && name[name_len] == '\0');
	assert(args == NULL || ipc_value_type(args) == IPC_V_ARRAY);
	assert(kwargs == NULL || ipc_value_type(kwargs) == IPC_V_MAP);
	return request % 2;
}

void
event_got(struct client *who, uint64_t number, const struct ipc_value *answer)
{
	assert(who == &c && number <= INT64_MAX);
	(void)answer;
}

void
event_forget(struct client *who)
{
	assert(who == &c);
}

void
state_acked(struct client *who, uint64_t version)
{
	assert(who == &c && version <= INT64_MAX);
}

void
state_again(struct client *who)
{
	assert(who == &c);
}

void
state_forget(struct client *who)
{
	assert(who == &c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct transport t = { .name = "ws" };
	unsigned before = closed;
	int r;

	if (size == 0)
		return 0;
	c = (struct client){ .transport = &t, .link = &l, .phase = PLAYING };
	r = talk_take(
	    &c, data[0] & 1 ? IPC_BINARY : IPC_TEXT, data + 1, size - 1);
	assert(r >= -1 && r <= 1);
	assert(closed == before || (r == 0 && closed == before + 1));
	talk_forget(&c);
	return 0;
}
