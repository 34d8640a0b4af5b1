/* ipc/crc.c: it is zlib's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>

#include "ipc/crc.h"

static void
the_checksum_is_zlibs(void **state)
{
	uint8_t bytes[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		uint32_t part = ipc_crc32(0, bytes, n / 3);

		assert_int_equal(
		    ipc_crc32(0, bytes, n), crc32(0, bytes, (uInt)n));
		assert_int_equal(ipc_crc32(part, bytes + n / 3, n - n / 3),
		    crc32(0, bytes, (uInt)n));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_zlibs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
