/*
 * mask.c - bytes copied, XORed with a mask of four and looked at in one go: as
 * many at a time as the machine can. Pure: no state, no I/O.
 */
#include "netd/mask.h"

/* Sixteen bytes, or twice as many, wherever they lie. */
typedef uint64_t two __attribute__((vector_size(16), aligned(1), may_alias));

#ifdef __x86_64__
typedef uint64_t quad __attribute__((vector_size(32), aligned(1), may_alias));

/* As many as go 64 at a time: how many. */
__attribute__((target("avx2"))) static size_t
copy_wide(
    uint8_t *to, const uint8_t *from, size_t n, uint64_t eight, uint64_t *any)
{
	quad masks = { eight, eight, eight, eight }, all = { 0, 0, 0, 0 };
	size_t i = 0;

	for (; i + 64 <= n; i += 64) {
		quad a = *(const quad *)(from + i) ^ masks;
		quad b = *(const quad *)(from + i + 32) ^ masks;

		*(quad *)(to + i) = a;
		*(quad *)(to + i + 32) = b;
		all |= a | b;
	}
	*any = all[0] | all[1] | all[2] | all[3];
	return i;
}

static inline bool
has_wide(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
static size_t
copy_wide(
    uint8_t *to, const uint8_t *from, size_t n, uint64_t eight, uint64_t *any)
{
	(void)to;
	(void)from;
	(void)n;
	(void)eight;
	(void)any;
	return 0;
}

static inline bool
has_wide(void)
{
	return false;
}
#endif

bool
mask_copy_other(
    uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4])
{
	uint64_t eight, bytes, any = 0;
	uint32_t four;
	size_t i = 0;

	memcpy(&four, mask, 4);
	eight = (uint64_t)four << 32 | four;
	if (n >= 64 && has_wide())
		i = copy_wide(to, from, n, eight, &any);
	if (n - i >= 32) {
		two masks = { eight, eight }, all = { 0, 0 };

		for (; i + 32 <= n; i += 32) {
			two a = *(const two *)(from + i) ^ masks;
			two b = *(const two *)(from + i + 16) ^ masks;

			*(two *)(to + i) = a;
			*(two *)(to + i + 16) = b;
			all |= a | b;
		}
		any |= all[0] | all[1];
	}
	for (; i + 8 <= n; i += 8) {
		memcpy(&bytes, from + i, 8);
		bytes ^= eight;
		memcpy(to + i, &bytes, 8);
		any |= bytes;
	}
	if (i + 4 <= n) {
		uint32_t half;

		memcpy(&half, from + i, 4);
		half ^= four;
		memcpy(to + i, &half, 4);
		any |= half;
		i += 4;
	}
	for (; i < n; i++) {
		to[i] = from[i] ^ mask[i & 3];
		any |= to[i];
	}
	return (any & MASK_NO_ASCII) != 0;
}
