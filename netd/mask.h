/*
 * mask.h - bytes copied, and looked at while they are: what a WebSocket does to
 * each payload, and with a mask of zeros what any text wants.
 */
#ifndef NETD_MASK_H
#define NETD_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Of bytes that were ored together: these bits are set by no ASCII. */
#define MASK_NO_ASCII 0x8080808080808080u

/* Sixteen bytes, wherever they lie. */
typedef uint32_t mask_bytes
    __attribute__((vector_size(16), aligned(1), may_alias));

/* Is one of them no ASCII? */
static inline bool
mask_no_ascii(mask_bytes a)
{
#ifdef __SSE2__
	return _mm_movemask_epi8((__m128i)a) != 0;
#else
	return ((a[0] | a[1] | a[2] | a[3]) & (uint32_t)MASK_NO_ASCII) != 0;
#endif
}

/* What mask_copy() does with few and with many. */
bool mask_copy_other(
    uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4]);

/*
 * Copy n bytes, XORed with the mask. True: one of them, as it is at to, is no
 * ASCII. to may be from.
 */
static inline bool
mask_copy(uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4])
{
	unsigned turn = (n & 3) * 8;
	uint32_t four, turned;

	if (n < 8 || n > 32)
		return mask_copy_other(to, from, n, mask);
	memcpy(&four, mask, 4);
	turned = four >> turn | four << ((32 - turn) & 31);
	/* The last ones overlap those before. */
	if (n < 16) {
		uint64_t a, b;

		memcpy(&a, from, 8);
		memcpy(&b, from + n - 8, 8);
		a ^= (uint64_t)four << 32 | four;
		b ^= (uint64_t)turned << 32 | turned;
		memcpy(to, &a, 8);
		memcpy(to + n - 8, &b, 8);
		return ((a | b) & MASK_NO_ASCII) != 0;
	} else {
		mask_bytes a = *(const mask_bytes *)from;
		mask_bytes b = *(const mask_bytes *)(from + n - 16);

		a ^= (mask_bytes){ four, four, four, four };
		b ^= (mask_bytes){ turned, turned, turned, turned };
		*(mask_bytes *)to = a;
		*(mask_bytes *)(to + n - 16) = b;
		return mask_no_ascii(a | b);
	}
}

#endif
