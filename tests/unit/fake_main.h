/*
 * fake_main.h - what main.c has, for tests of netd's core without a loop: the
 * time is what the test sets, and chance is no chance.
 */
#ifndef TESTS_FAKE_MAIN_H
#define TESTS_FAKE_MAIN_H

#include "netd/netd.h"

int64_t
netd_now(const struct netd *netd)
{
	return netd->now_us;
}

uint64_t
netd_seed(void)
{
	return 1;
}

#endif
