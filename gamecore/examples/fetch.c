/*
 * fetch.c - a client: connect, write, read, and look whether there is more.
 *
 *	bin/echo --listen tcp://127.0.0.1:5010 &
 *	bin/fetch tcp://127.0.0.1:5010 hello
 *
 * No callbacks and no sockets: a connection is used like a file, and all that
 * is asynchronous happens in netd.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <string.h>

static void
print(const char *text, ssize_t len)
{
	fwrite(text, 1, (size_t)len, stdout);
	putchar('\n');
}

/* The answer, and what is there behind it, go to stdout. True if one came. */
static bool
fetch(struct gc_net *net, const char *url, const char *question, int timeout_ms)
{
	struct gc_conn *con = gc_connect(net, url, NULL);
	const char *news, *check;
	ssize_t len, more;

	if (con == NULL) {
		fprintf(stderr, "fetch: %s\n", gc_problem(net));
		return false;
	}
	gc_write(con, question, strlen(question));
	len = gc_read(con, &news, timeout_ms);
	if (len >= 0)
		print(news, len);
	else
		fprintf(stderr, "fetch: no answer from '%s': %s\n", url,
		    gc_error_text((int)len));
	while ((more = gc_read_now(con, &check)) >= 0)
		print(check, more);
	gc_disconnect(con);
	return len >= 0;
}

int
main(int argc, char **argv)
{
	long timeout_ms = 10000;
	const struct gc_option options[] = {
		{ .name = "timeout",
		    .value = "MS",
		    .help = "Wait so many milliseconds for the answer",
		    .number = &timeout_ms,
		    .smallest = 1,
		    .largest = 3600000 },
		{ .name = NULL }
	};
	struct gc_start start = { .name = "fetch",
		.about = "Send one message to a server and print its answer.",
		.options = options,
		.arguments = "URL MESSAGE" };
	struct gc_net *net = gc_open(&start, argc, argv);
	int status = 2;

	if (net == NULL)
		return gc_explain(&start);
	if (argc - start.first_argument == 2)
		status = fetch(net, argv[start.first_argument],
			     argv[start.first_argument + 1], (int)timeout_ms)
			     ? 0
			     : 1;
	else
		fputs("fetch: wants a URL and a message, such as "
		      "tcp://127.0.0.1:5010 hello (try --help)\n",
		    stderr);
	gc_close(net);
	return status;
}
