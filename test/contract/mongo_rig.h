/* mongo_rig.h - databases of their own on the servers of the tests. */
#ifndef SK_TEST_CONTRACT_MONGO_RIG_H
#define SK_TEST_CONTRACT_MONGO_RIG_H

#include "adapters/mongo/store.h"
#include <mongoc/mongoc.h>

/* The URI of a server, or NULL: SKALDS_TEST_MONGO, SKALDS_TEST_MONGO2. */
const char *mongo_uri(int which);
/* The name of the database that belongs to a directory of a test. */
void mongo_db_name(const char *dir, char db[64]);
/* Remove it with everything in it. */
void mongo_drop(const char *uri, const char *dir);

#endif
