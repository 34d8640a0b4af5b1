/*
 * page.c - penstock.js, which every page can have from /penstock.js of any
 * ws:// listener: put into the binary when it is built.
 */
#include "netd/page.h"

/* Make knows that this object depends on that file. */
__asm__(".section .rodata\n"
	".global penstock_js\n"
	".hidden penstock_js\n"
	"penstock_js:\n"
	".incbin \"netd/penstock.js\"\n"
	".global penstock_js_end\n"
	".hidden penstock_js_end\n"
	"penstock_js_end:\n"
	".byte 0\n"
	".previous\n");
