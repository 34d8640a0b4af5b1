/*
 * mud_store.c - who keeps the characters of bin/mud: a worker, and no game.
 *
 * It blocks on its pipe for the next question and answers it from the book. A
 * question is done again if this process dies of it, so each may come twice.
 */
#include "book.h"

#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
work(struct gc_net *net, struct book *b, char problem[200])
{
	struct gc_job job;
	int r;

	while ((r = gc_job_next(net, &job)) > 0) {
		char *answer = b ? book_ask(b, job.bytes, problem) : NULL;

		if (answer)
			gc_job_done(net, &job, answer, strlen(answer));
		else
			gc_job_failed(net, &job, problem);
		free(answer);
	}
	return r < 0;
}

int
main(int argc, char **argv)
{
	const char *file = "mud.db";
	const struct gc_option options[] = {
		{ .name = "store",
		    .value = "FILE",
		    .help = "the SQLite file",
		    .text = &file },
		{ .name = NULL },
	};
	struct gc_start start = { .name = "mud_store",
		.about = "Keeps the characters of mud, which starts it.",
		.options = options };
	struct gc_net *net = gc_open(&start, argc, argv);
	char problem[200] = "";
	struct book *b;
	int status = 2;

	if (net == NULL)
		return gc_explain(&start);
	if (gc_worker(net)) {
		b = book_open(file, problem);
		status = work(net, b, problem);
		book_close(b);
	} else {
		fprintf(stderr, "mud_store: is started by mud\n");
	}
	gc_close(net);
	return status;
}
