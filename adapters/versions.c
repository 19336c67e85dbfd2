/* versions.c - asks each library for its version: proof that it is linked in and runs. */
#include "adapters/versions.h"
#include <curl/curl.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/thread.h>
#include <gnu/libc-version.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <jansson.h>
#include <libfyaml.h>
#include <librdkafka/rdkafka.h>
#include <lz4.h>
#include <mongoc/mongoc.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <sqlite3.h>
#include <zlib.h>
#include <zstd.h>

#ifndef SK_VERSION
#define SK_VERSION "dev"
#endif

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define HIREDIS_VERSION TEXT(HIREDIS_MAJOR) "." TEXT(HIREDIS_MINOR) "." TEXT(HIREDIS_PATCH)

const char *
sk_version(void)
{
	return SK_VERSION;
}

const char *
sk_version_compiler(void)
{
#ifdef __clang__
	return __VERSION__;
#else
	return "gcc " __VERSION__;
#endif
}

/* hiredis cannot say its version; that it parses a reply is said instead by a version at all. */
static const char *
hiredis_version(void)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;
	const char *version = NULL;

	if (reader != NULL && redisReaderFeed(reader, ":7\r\n", 4) == REDIS_OK &&
		redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL &&
		((redisReply *)reply)->integer == 7)
		version = HIREDIS_VERSION;
	if (reply != NULL)
		freeReplyObject(reply);
	if (reader != NULL)
		redisReaderFree(reader);
	return version;
}

/* A TLS context that trusts nobody: its creation reaches into OpenSSL. */
static const char *
hiredis_ssl_version(void)
{
	redisSSLContextError error = REDIS_SSL_CTX_NONE;
	redisSSLContext *context = redisCreateSSLContext(NULL, NULL, NULL, NULL, NULL, &error);

	if (context == NULL)
		return NULL;
	redisFreeSSLContext(context);
	return HIREDIS_VERSION;
}

static const char *
mongoc_version(void)
{
	return mongoc_get_version();
}

static const char *
bson_version(void)
{
	return bson_get_version();
}

static const char *
curl_lib_version(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	/* The command line reaches the daemon through a unix socket. */
	return info->features & CURL_VERSION_UNIX_SOCKETS ? info->version : NULL;
}

/* libevent, its HTTP server, its TLS layer and its locks are four archives. */
static const char *
event_version(void)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = base != NULL ? evhttp_new(base) : NULL;
	struct bufferevent *plain = base != NULL ? bufferevent_socket_new(base, -1, 0) : NULL;
	const char *version = NULL;

	if (http != NULL && plain != NULL && bufferevent_openssl_get_ssl(plain) == NULL &&
		evthread_make_base_notifiable(base) == 0)
		version = event_get_version();
	if (plain != NULL)
		bufferevent_free(plain);
	if (http != NULL)
		evhttp_free(http);
	if (base != NULL)
		event_base_free(base);
	return version;
}

static const char *
openssl_version(void)
{
	return OpenSSL_version(OPENSSL_FULL_VERSION_STRING);
}

#define ENTRY(function) (sk_entry_fn *)(function)

const struct sk_library sk_libraries[] = {
	{ "librdkafka", "Kafka", rd_kafka_version_str,
		{ ENTRY(rd_kafka_new), ENTRY(rd_kafka_queue_io_event_enable) } },
	{ "hiredis", "Redis", hiredis_version,
		{ ENTRY(redisAsyncConnectWithOptions), ENTRY(redisAsyncCommandArgv) } },
	{ "hiredis_ssl", "Redis over TLS", hiredis_ssl_version,
		{ ENTRY(redisInitiateSSLWithContext) } },
	{ "mongo-c-driver", "MongoDB", mongoc_version,
		{ ENTRY(mongoc_client_new_from_uri_with_error),
			ENTRY(mongoc_collection_find_and_modify_with_opts) } },
	{ "libbson", "MongoDB documents", bson_version, { ENTRY(bson_new_from_json) } },
	{ "libfyaml", "YAML", fy_library_version,
		{ ENTRY(fy_parser_create), ENTRY(fy_document_build_from_string) } },
	{ "libevent", "loop, HTTP server", event_version,
		{ ENTRY(evhttp_accept_socket_with_handle), ENTRY(bufferevent_openssl_socket_new) } },
	{ "libcurl", "HTTP client", curl_lib_version,
		{ ENTRY(curl_easy_perform), ENTRY(curl_multi_perform) } },
	{ "sqlite", "embedded store", sqlite3_libversion,
		{ ENTRY(sqlite3_open_v2), ENTRY(sqlite3_backup_init) } },
	{ "openssl", "TLS", openssl_version, { ENTRY(SSL_new) } },
	{ "jansson", "JSON", jansson_version_str, { ENTRY(json_loadb), ENTRY(json_dumpb) } },
	{ "zlib", "compression", zlibVersion, { ENTRY(inflate) } },
	{ "zstd", "compression", ZSTD_versionString, { ENTRY(ZSTD_decompress) } },
	{ "lz4", "compression", LZ4_versionString, { ENTRY(LZ4_decompress_safe) } },
	{ "glibc", "C library", gnu_get_libc_version, { NULL } },
	{ NULL, NULL, NULL, { NULL } },
};
