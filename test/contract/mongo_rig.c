#include "mongo_rig.h"
#include "adapters/mongo/mongo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
mongo_uri(int which)
{
	const char *uri = getenv(which == 0 ? "SKALDS_TEST_MONGO" : "SKALDS_TEST_MONGO2");

	return uri != NULL && uri[0] != '\0' ? uri : NULL;
}

/* Names of databases that differ in case alone are one to some servers. */
void
mongo_db_name(const char *dir, char db[64])
{
	const char *p = strrchr(dir, '.');
	size_t n = (size_t)snprintf(db, 64, "skt_");

	for (p = p != NULL ? p + 1 : dir; *p != '\0' && n < 60; p++)
		n += (size_t)snprintf(db + n, 64 - n, "%02x", (unsigned)(unsigned char)*p);
}

void
mongo_drop(const char *uri, const char *dir)
{
	char db[64];
	mongoc_client_t *client;
	mongoc_database_t *d;
	bson_error_t e = { 0 };

	sk_mg_init();
	mongo_db_name(dir, db);
	client = mongoc_client_new(uri);
	d = mongoc_client_get_database(client, db);
	if (!mongoc_database_drop(d, &e))
		fprintf(stderr, "# %s: %s\n", db, e.message);
	mongoc_database_destroy(d);
	mongoc_client_destroy(client);
}
