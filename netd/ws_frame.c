/*
 * ws_frame.c - frames of RFC 6455 section 5. Who is strict here is tr_ws.c's
 * peer: whatever the RFC forbids a sender is refused.
 */
#include "netd/ws_frame.h"

#include "netd/mask.h"

#include <string.h>

static bool
is_control(unsigned opcode)
{
	return opcode & 8;
}

/* What the first two bytes say that is wrong, or NULL. */
static const char *
wrong(const uint8_t *p, size_t n, bool masked)
{
	unsigned opcode = p[0] & 0x0f, len = n > 1 ? p[1] & 0x7f : 0;

	if (p[0] & 0x70)
		return "reserved bits are set";
	if ((opcode & 7) > 2)
		return "unknown opcode";
	if (is_control(opcode) && !(p[0] & 0x80))
		return "a control frame in pieces";
	if (n > 1 && (p[1] >> 7) != masked)
		return masked ? "a frame is not masked" : "a frame is masked";
	if (is_control(opcode) && len > WS_CONTROL_MAX)
		return "a control frame over 125 bytes";
	return NULL;
}

static uint64_t
big_endian(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

int
ws_head_read(const uint8_t *p, size_t n, bool masked, struct ws_head *h,
    const char **why)
{
	size_t more, size;

	if (n == 0)
		return 0;
	*why = wrong(p, n, masked);
	if (*why)
		return -1;
	if (n < 2)
		return 0;
	h->fin = p[0] >> 7;
	h->opcode = p[0] & 0x0f;
	h->len = p[1] & 0x7f;
	more = h->len == 127 ? 8 : h->len == 126 ? 2 : 0;
	size = 2 + more + (masked ? 4 : 0);
	if (more == 8 && n > 2 && (p[2] & 0x80)) {
		*why = "a length over 2^63";
		return -1;
	}
	if (n < 2 + more)
		return 0;
	if (more)
		h->len = big_endian(p + 2, more);
	if ((more == 2 && h->len < 126) || (more == 8 && h->len < 65536)) {
		*why = "a length in more bytes than it needs";
		return -1;
	}
	if (n < size)
		return 0;
	memset(h->mask, 0, 4);
	if (masked)
		memcpy(h->mask, p + 2 + more, 4);
	return (int)size;
}

size_t
ws_head_write(uint8_t out[WS_HEAD_MAX], unsigned opcode, const uint8_t mask[4],
    uint64_t len)
{
	size_t more = len > 65535 ? 8 : len > 125 ? 2 : 0;

	out[0] = (uint8_t)(0x80 | opcode);
	out[1] = (uint8_t)(more == 8 ? 127 : more ? 126 : len);
	for (size_t i = 0; i < more; i++)
		out[2 + i] = (uint8_t)(len >> 8 * (more - 1 - i));
	if (mask) {
		out[1] |= 0x80;
		memcpy(out + 2 + more, mask, 4);
		more += 4;
	}
	return 2 + more;
}

void
ws_mask(uint8_t *to, const uint8_t *from, size_t n, uint8_t mask[4])
{
	uint8_t turned[4];

	mask_copy(to, from, n, mask);
	for (size_t i = 0; i < 4; i++)
		turned[i] = mask[(n + i) & 3];
	memcpy(mask, turned, 4);
}

bool
ws_code_valid(unsigned code)
{
	return (code >= 1000 && code <= 1003) ||
	       (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
