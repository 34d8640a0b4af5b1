/*
 * asker.c - a session for each player that asks its program: NAME, and then
 * SUM(n) again and again; what they answer is said as TOTAL(name, sum). While
 * one waits for its player, all others go on.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

static int
player(struct gc_session *s, void *arg)
{
	struct gc_net *net = gc_session_net(s);
	uint64_t conn = gc_session_conn(s);
	const struct gc_value *said;
	int64_t sum = 0;
	char name[64];
	int r;

	(void)arg;
	r = gc_request(net, conn, "NAME", NULL, NULL, -1, &said);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s", gc_value_text(said, NULL));
	for (int64_t n = 1;; n++) {
		r = gc_request(net, conn, "SUM", gc_value_make("[l]", n), NULL,
		    60000, &said);
		if (r < 0)
			return r;
		sum += gc_value_as_int(said);
		gc_event(net, conn, NULL, "TOTAL",
		    gc_value_make("[sl]", name, sum), NULL);
	}
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://127.0.0.1:0/", NULL };
	struct gc_start start = {
		.name = "asker", .about = "Asks.", .listen = listen
	};
	struct gc_net *net = gc_open(&start, argc, argv);

	if (net == NULL)
		return gc_explain(&start);
	gc_events(net);
	gc_serve(net, player, NULL);
	gc_close(net);
	return 0;
}
