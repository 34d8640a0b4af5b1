/*
 * msdp.h - out-of-band messages as variables, for telnet clients without GMCP.
 */
#ifndef NETD_MSDP_H
#define NETD_MSDP_H

#include "netd/side.h"

/* What a subnegotiation of the client says. True: go on feeding. */
bool msdp_heard(struct client *c, const uint8_t *bytes, size_t len);
/* A message of the game, as variables: those that were asked for are sent. */
void msdp_say(struct client *c, const struct side_message *m);
void msdp_free(struct msdp *m);

#endif
