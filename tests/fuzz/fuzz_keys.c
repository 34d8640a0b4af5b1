/* links: netd/keys.c netd/utf8.c netd/mask.c */
/* netd/keys.c under any bytes in any pieces: each byte is of one key, in its
 * order, and what waits is bounded. The first byte is the size of the pieces.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netd/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t used = 1, there = 1;

	while (size && there < size) {
		there += data[0] % 7 + 1u;
		if (there > size)
			there = size;
		while (used < there) {
			size_t n = there - used, len;
			uint8_t *exact = malloc(n);
			bool text;

			if (exact == NULL)
				abort();
			memcpy(exact, data + used, n);
			len = key_length(exact, n, &text);
			free(exact);
			if (len > n || (len == 0 && n >= KEY_MAX))
				abort();
			if (len > 4 && !text)
				abort();
			if (len == 0)
				break;
			used += len;
		}
	}
	return 0;
}
