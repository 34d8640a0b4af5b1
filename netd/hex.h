/*
 * hex.h - the digits behind a % in a URL.
 */
#ifndef NETD_HEX_H
#define NETD_HEX_H

/* 0 to 15, or -1: it is no such digit. */
static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
