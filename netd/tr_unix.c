/*
 * tr_unix.c - unix://, the lines of tr_line.c on a socket file of mode 0600
 * (which listen.c makes): programs of the same user on the same machine.
 */
#include "netd/tr_line.h"

const struct transport tr_unix = {
	.name = "unix",
	.is_prose = true,
	.is_unix = true,
	.start = line_start,
	.feed = line_feed,
	.encode = line_encode,
	.fits_frame = true,
	.encode_max = line_encode_max,
	.goodbye = line_goodbye,
	.close = line_close,
};
