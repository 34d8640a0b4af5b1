/*
 * resume_word.c - the words of resume_word.h, read strictly: one blank
 * between two parts, plain decimal numbers, small letters, nothing left over.
 * What is accepted is exactly what resume_word_write() writes.
 */
#include "netd/resume_word.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The parts of each word behind its name. */
static const struct form {
	const char *name;
	const char *parts; /* t: token, n: number, b: bytes, *: text */
	enum resume_kind kind;
} forms[] = {
	{ "new", "", RESUME_NEW },
	{ "back", "tn", RESUME_RETURN },
	{ "hello", "tnb", RESUME_HELLO },
	{ "back", "n", RESUME_BACK },
	{ "gone", "", RESUME_GONE },
	{ "ack", "n", RESUME_ACK },
	{ "bye", "*", RESUME_BYE },
};

#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

struct text {
	const uint8_t *p;
	size_t n;
};

static bool
eat(struct text *t, const char *what)
{
	size_t n = strlen(what);

	if (t->n < n || memcmp(t->p, what, n) != 0)
		return false;
	t->p += n;
	t->n -= n;
	return true;
}

static int
nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
eat_byte(struct text *t, uint8_t *to)
{
	int high = t->n > 1 ? nibble(t->p[0]) : -1;
	int low = t->n > 1 ? nibble(t->p[1]) : -1;

	if (high < 0 || low < 0)
		return false;
	*to = (uint8_t)(high << 4 | low);
	t->p += 2;
	t->n -= 2;
	return true;
}

static bool
eat_token(struct text *t, struct resume_token *to)
{
	uint8_t b;

	to->id = 0;
	for (int i = 0; i < 8; i++) {
		if (!eat_byte(t, &b))
			return false;
		to->id = to->id << 8 | b;
	}
	for (int i = 0; i < RESUME_SECRET; i++)
		if (!eat_byte(t, &to->secret[i]))
			return false;
	return true;
}

/* 0 to 2^53: what a page's numbers hold. No zeros in front. */
static bool
eat_number(struct text *t, uint64_t *to)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < t->n && t->p[n] >= '0' && t->p[n] <= '9'; n++) {
		v = v * 10 + (uint64_t)(t->p[n] - '0');
		if (v > UINT64_C(1) << 53 || (n == 1 && t->p[0] == '0'))
			return false;
	}
	if (n == 0)
		return false;
	*to = v;
	t->p += n;
	t->n -= n;
	return true;
}

static bool
eat_part(struct text *t, char part, struct resume_word *w)
{
	switch (part) {
	case 't':
		return eat(t, " ") && eat_token(t, &w->token);
	case 'n':
		return eat(t, " ") && eat_number(t, &w->n);
	case 'b':
		return eat(t, " ") && eat_number(t, &w->bytes);
	default:
		if (t->n && !eat(t, " "))
			return false;
		w->text = (const char *)t->p;
		w->len = t->n;
		t->n = 0;
		return true;
	}
}

struct resume_word
resume_word_read(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < N_FORMS; i++) {
		struct text t = { p, len };
		struct resume_word w = { .kind = forms[i].kind };
		const char *part = forms[i].parts;

		if (!eat(&t, forms[i].name))
			continue;
		while (*part && eat_part(&t, *part, &w))
			part++;
		if (*part == '\0' && t.n == 0)
			return w;
	}
	return (struct resume_word){ .kind = RESUME_NONE };
}

static size_t
put_token(const struct resume_token *t, char *out)
{
	size_t n = (size_t)sprintf(out, " %016" PRIx64, t->id);

	for (int i = 0; i < RESUME_SECRET; i++)
		n += (size_t)sprintf(out + n, "%02x", t->secret[i]);
	return n;
}

size_t
resume_word_write(const struct resume_word *w, char out[RESUME_WORD_MAX])
{
	const struct form *f = forms;
	size_t n;

	while (f->kind != w->kind)
		f++;
	n = (size_t)sprintf(out, "!%s", f->name);
	for (const char *part = f->parts; *part; part++)
		if (*part == 't')
			n += put_token(&w->token, out + n);
		else
			n += (size_t)sprintf(out + n, " %" PRIu64,
			    *part == 'n' ? w->n : w->bytes);
	return n;
}
