/* greet.c - the first commands on a connection: who we are, which database, what is there. All of
 * them in one write; what others want to send waits for the answers, since it must not end in the
 * wrong database or be done by the wrong user. */
#include "adapters/redis/redis.h"
#include <stdio.h>
#include <string.h>

/* What a server says to a connection that it then closes, in place of the first answer. */
static bool
is_refusal(const char *text)
{
	return strncmp(text, "DENIED", 6) == 0 || strstr(text, "max number of clients") != NULL;
}

static void
refused(struct sk_redis_link *k, const char *command, const char *text)
{
	const enum sk_redis_trouble kind = sk_redis_trouble_of(text);
	char sentence[400];

	snprintf(sentence, sizeof(sentence), "%s: %.300s", command, text);
	sk_redis_link_lost(k, kind == SK_REDIS_AUTH ? SK_REDIS_AUTH : SK_REDIS_GREET, sentence);
}

static void
on_auth(void *arg, const redisReply *reply)
{
	struct sk_redis_link *k = arg;

	if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
		return;
	/* Whoever asks for no password is not kept out by one. */
	if (strstr(reply->str, "without any password") != NULL ||
		strstr(reply->str, "no password is set") != NULL) {
		if (!k->no_password && !k->once)
			sk_log(SK_WARNING, k->component,
				"redis %s: it asks nobody for a password; REDIS_PASSWORD was given for nothing",
				k->where);
		k->no_password = true;
		return;
	}
	if (is_refusal(reply->str))
		refused(k, "it lets nobody in", reply->str);
	else
		sk_redis_link_lost(k, SK_REDIS_AUTH, reply->str);
}

static void
on_select(void *arg, const redisReply *reply)
{
	struct sk_redis_link *k = arg;
	char command[32];

	if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
		return;
	snprintf(command, sizeof(command), "SELECT %d", k->db);
	refused(k, command, reply->str);
}

/* Nobody needs the name. */
static void
on_setname(void *arg, const redisReply *reply)
{
	struct sk_redis_link *k = arg;

	if (reply != NULL && reply->type == REDIS_REPLY_ERROR && is_refusal(reply->str))
		refused(k, "it lets nobody in", reply->str);
}

/* Some may not ask. */
static void
on_info(void *arg, const redisReply *reply)
{
	struct sk_redis_link *k = arg;

	if (reply != NULL && reply->type == REDIS_REPLY_STRING)
		sk_redis_info(reply->str, "redis_version", k->version, sizeof(k->version));
}

static void
on_ping(void *arg, const redisReply *reply)
{
	struct sk_redis_link *k = arg;

	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		if (sk_redis_trouble_of(reply->str) == SK_REDIS_AUTH) {
			sk_redis_link_lost(k, SK_REDIS_AUTH, reply->str);
			return;
		}
		if (sk_redis_trouble_of(reply->str) != SK_REDIS_NOPERM)
			sk_redis_link_error(k, "PING", reply->str); /* it is there, and will get better */
	}
	sk_redis_link_ready(k);
}

static void
hello(struct sk_redis_link *k, sk_redis_answer_fn *fn, const char *const *words, size_t n)
{
	struct sk_redis_arg args[4];

	for (size_t i = 0; i < n; i++)
		args[i] = (struct sk_redis_arg)SK_REDIS_TEXT(words[i]);
	sk_redis_link_hello(
		k, args, n, (struct sk_redis_wait){ .fn = fn, .arg = k, .command = words[0] });
}

void
sk_redis_greet(struct sk_redis_link *k)
{
	char db[16];

	k->version[0] = '\0';
	k->no_hexpire = false;
	snprintf(db, sizeof(db), "%d", k->db);
	/* the form with one argument is the only one that servers before 6.0 know */
	if (k->username[0] != '\0')
		hello(k, on_auth, (const char *[]){ "AUTH", k->username, k->password }, 3);
	else if (k->password[0] != '\0')
		hello(k, on_auth, (const char *[]){ "AUTH", k->password }, 2);
	if (k->db != 0)
		hello(k, on_select, (const char *[]){ "SELECT", db }, 2);
	hello(k, on_setname, (const char *[]){ "CLIENT", "SETNAME", "skalds" }, 3);
	hello(k, on_info, (const char *[]){ "INFO", "server" }, 2);
	hello(k, on_ping, (const char *[]){ "PING" }, 1);
}
