/*
 * mask.h - bytes copied, and looked at while they are: what a WebSocket does to
 * each payload, and with a mask of zeros what any text wants.
 */
#ifndef NETD_MASK_H
#define NETD_MASK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Of bytes that were ored together: these bits are set by no ASCII. */
#define MASK_NO_ASCII 0x8080808080808080u

/* What mask_copy() does with many. */
uint64_t mask_copy_long(
    uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4]);

/*
 * Copy n bytes, XORed with the mask. Returns all of them as they are at to,
 * ored together, eight side by side. to may be from.
 */
static inline uint64_t
mask_copy(uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4])
{
	typedef uint64_t two
	    __attribute__((vector_size(16), aligned(1), may_alias));
	unsigned turn = (n & 3) * 8;
	uint64_t eight, turned;
	uint32_t four;

	if (n < 8 || n > 32)
		return mask_copy_long(to, from, n, mask);
	memcpy(&four, mask, 4);
	eight = (uint64_t)four << 32 | four;
	turned = eight >> turn | eight << ((64 - turn) & 63);
	/* The last ones overlap those before. */
	if (n < 16) {
		uint64_t a, b;

		memcpy(&a, from, 8);
		memcpy(&b, from + n - 8, 8);
		a ^= eight;
		b ^= turned;
		memcpy(to, &a, 8);
		memcpy(to + n - 8, &b, 8);
		return a | b;
	} else {
		two a = *(const two *)from, b = *(const two *)(from + n - 16);

		a ^= (two){ eight, eight };
		b ^= (two){ turned, turned };
		*(two *)to = a;
		*(two *)(to + n - 16) = b;
		a |= b;
		return a[0] | a[1];
	}
}

#endif
