/* links: netd/tr_tcp.c netd/config.c tests/lib/no_resume.c */
/* netd/tr_tcp.c under any bytes in any pieces. */
#include "codec.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return codec_fuzz(&tr_tcp, data, size);
}
