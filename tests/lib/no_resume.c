/*
 * no_resume.c - stands where netd/resume.c stands, for tests of a codec alone:
 * no line there may be lost and replaced.
 */
#include "netd/resume.h"

#include <stdlib.h>

int
resume_start(struct client *c)
{
	(void)c;
	abort(); /* nobody asked for it */
}

bool
resume_lost(struct client *c, unsigned reason, const char *why)
{
	(void)c;
	(void)reason;
	(void)why;
	return false;
}
