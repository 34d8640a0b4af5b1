/*
 * utf8.h - is it UTF-8? (RFC 3629: no surrogates, no overlong forms, nothing
 * above U+10FFFF.)
 */
#ifndef NETD_UTF8_H
#define NETD_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Are these n bytes whole, valid UTF-8? */
bool utf8_valid(const uint8_t *bytes, size_t n);

#endif
