/*
 * story.h - what happened, in a line that a case compares.
 */
#ifndef TESTS_STORY_H
#define TESTS_STORY_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char story[8192];

static void tale(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
tale(const char *format, ...)
{
	size_t at = strlen(story);
	va_list ap;

	va_start(ap, format);
	vsnprintf(story + at, sizeof(story) - at, format, ap);
	va_end(ap);
	at = strlen(story);
	snprintf(story + at, sizeof(story) - at, "|");
}

#endif
