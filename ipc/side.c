/*
 * side.c - the names of out-of-band messages.
 */
#include "ipc/side.h"

#include "ipc/msg.h"

#include <stdbool.h>

static bool
is_letter(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
}

static bool
is_word(uint8_t b)
{
	return is_letter(b) || (b >= '0' && b <= '9') || b == '_' || b == '-';
}

size_t
ipc_side_name(const uint8_t *bytes, size_t n)
{
	size_t i = 0;

	if (n == 0 || !is_letter(bytes[0]))
		return 0;
	while (i < n && i <= IPC_SIDE_NAME_MAX &&
	       (is_word(bytes[i]) || (bytes[i] == '.' && bytes[i - 1] != '.')))
		i++;
	if (i > IPC_SIDE_NAME_MAX || bytes[i - 1] == '.' ||
	    (i < n && bytes[i] != ' '))
		return 0;
	return i;
}
