/* mongo_relay.h - a server's port in between, which a test can cut. */
#ifndef SK_TEST_CONTRACT_MONGO_RELAY_H
#define SK_TEST_CONTRACT_MONGO_RELAY_H

#include <stdbool.h>

struct relay;
/* To the host and port of a URI without a name of a database; listens at once. */
struct relay *relay_open(const char *uri);
/* Ours, with the relay's port. */
const char *relay_uri(const struct relay *r);
/* Connections are closed, new ones refused, until it is let through again. */
void relay_cut(struct relay *r, bool cut);
/* What the server answers is swallowed and the connection closed: the outcome is not known. */
void relay_swallow(struct relay *r, bool swallow);
void relay_close(struct relay *r);

#endif
