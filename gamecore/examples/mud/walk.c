/*
 * walk.c - the way to somewhere else, found by a worker.
 *
 * A search blocks nobody: who asks waits as for a player's answer, and the
 * path comes back as an event in the one stream, so a replay walks it again
 * without searching. The worker also fetches the builders' file, because the
 * game opens none.
 */
#include "mud.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORLD_BYTES_MAX = 1 << 20 };

/* ---- who asks ------------------------------------------------------------ */

static void
fill(struct path_map *map, const struct mud *m)
{
	memset(map->exits, 0xff, sizeof(map->exits));
	map->n = m->world->n[PLACES];
	for (size_t i = 0; i < map->n; i++)
		for (int w = 0; w < WAYS; w++) {
			const struct place *to = m->rooms[i].place->exits[w];

			if (to)
				map->exits[i][w] = (uint16_t)to->entry.number;
		}
}

int
walk_path(struct gc_session *s, struct room *from, struct room *to, char *out,
    size_t size)
{
	/* Used up before anybody waits, and too large for a small stack. */
	static struct path_map map;
	struct mud *m = from->mud;
	const char *answer;
	char *question;
	ssize_t len;

	fill(&map, m);
	map.from = from->place->entry.number;
	map.to = to->place->entry.number;
	question = path_ask(&map);
	if (question == NULL)
		return -1;
	len = gc_job_wait(s, "helpers", question, strlen(question), &answer);
	free(question);
	if (len == GC_EFAILED || len == GC_ECRASHED || len == GC_ETIMEOUT ||
	    len == GC_ELIMIT || len >= (ssize_t)size)
		return -1;
	if (len < 0)
		return (int)len;
	memcpy(out, answer, (size_t)len + 1);
	return (int)len;
}

/* ---- who searches -------------------------------------------------------- */

static int
search(struct gc_net *net, const struct gc_job *job)
{
	static struct path_map map;
	char steps[PATH_PLACES_MAX];
	int len;

	if (path_read(&map, job->bytes) != 0)
		return gc_job_failed(net, job, "not a question for a path");
	len = path_find(&map, steps, sizeof(steps));
	if (len < 0)
		return gc_job_failed(net, job, "no way leads there");
	return gc_job_done(net, job, steps, (size_t)len);
}

/* As it is named, or beside the program: in the source tree, or installed. */
static FILE *
open_world(const char *name)
{
	static const char *const beside[] = { "../gamecore/examples/mud",
		"../../../gamecore/examples/mud", "../share/penstock/mud" };
	char self[PATH_MAX], path[2 * PATH_MAX];
	FILE *f = fopen(name, "r");
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int error = errno;

	if (f || len <= 0 || strchr(name, '/'))
		return f;
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; f == NULL && i < sizeof(beside) / sizeof(*beside);
	     i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", self, beside[i], name);
		f = fopen(path, "r");
	}
	errno = error;
	return f;
}

static int
fetch(struct gc_net *net, const struct gc_job *job, const char *name)
{
	FILE *f = open_world(name);
	char why[300], *text;
	size_t len;
	int r;

	if (f == NULL) {
		snprintf(why, sizeof(why), "%.200s: cannot be read: %s", name,
		    strerror(errno));
		return gc_job_failed(net, job, why);
	}
	text = malloc(WORLD_BYTES_MAX + 1);
	len = text ? fread(text, 1, WORLD_BYTES_MAX + 1, f) : 0;
	fclose(f);
	if (text == NULL || len > WORLD_BYTES_MAX) {
		snprintf(why, sizeof(why), "%.200s: larger than %d bytes", name,
		    WORLD_BYTES_MAX);
		r = gc_job_failed(net, job, why);
	} else {
		r = gc_job_done(net, job, text, len);
	}
	free(text);
	return r;
}

int
walk_work(struct gc_net *net)
{
	struct gc_job job;

	while (gc_job_next(net, &job) > 0)
		if (strncmp(job.bytes, "file ", 5) == 0)
			fetch(net, &job, job.bytes + 5);
		else
			search(net, &job);
	return 0;
}
