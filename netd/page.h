/*
 * page.h - the one file that netd has of its own.
 */
#ifndef NETD_PAGE_H
#define NETD_PAGE_H

/* netd/penstock.js, up to where the second begins. */
extern const char penstock_js[], penstock_js_end[];

#endif
