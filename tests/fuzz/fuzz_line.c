/* links: netd/tr_line.c netd/utf8.c netd/config.c */
/* links: netd/mask.c */
/* netd/tr_line.c under any bytes in any pieces. */
#include "codec.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return codec_fuzz(&tr_line, data, size);
}
