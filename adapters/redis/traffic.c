#include "adapters/redis/redis.h"
#include "core/base/clock.h"
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define MAX_UNSENT ((size_t)16 << 20)
#define MAX_WAITS ((size_t)1 << 19)
#define MAX_ANSWER ((size_t)64 << 20)
#define MAX_NESTING 8
#define WRITE_AT ((size_t)64 << 10) /* do not wait for the end of the round with more */
#define WRITE_MAX ((size_t)1 << 20)
#define READ_BYTES 16384 /* a record of TLS */
#define READ_ROUNDS 16

static struct sk_redis_lane *
lane_of(struct sk_redis_link *k)
{
	return k->stage == SK_REDIS_READY ? &k->main : &k->hello;
}

/* A connection that stood or was about to. Servers refuse certificates of ours, or that there is
 * none, only when TLS already stands. */
void
sk_redis_broke(struct sk_redis_link *k, const char *sentence)
{
	enum sk_redis_trouble kind = SK_REDIS_GREET;
	const char *what = "it does not answer as a Redis does";
	char text[400];

	if (k->stage == SK_REDIS_READY) {
		kind = SK_REDIS_LOST;
		what = "connection lost";
	} else if (k->io.ssl != NULL && strstr(sentence, " alert ") != NULL) {
		kind = SK_REDIS_TLS;
		what = "TLS fails";
	}
	snprintf(text, sizeof(text), "%s: %.300s", what, sentence);
	sk_redis_link_lost(k, kind, text);
}

/* ---- sending ---- */

/* false: the connection has ended, why is in k->why. */
static bool
write_some(struct sk_redis_link *k)
{
	struct sk_redis_lane *lane = lane_of(k);
	size_t left;

	while ((left = sk_redis_lane_unsent(lane)) > 0) {
		const ssize_t n = sk_redis_io_write(
			&k->io, lane->out.p + lane->sent, left < WRITE_MAX ? left : WRITE_MAX, &k->why);

		if (n < 0)
			return false;
		k->blocked = n == 0;
		if (n == 0)
			break;
		k->writes++;
		sk_redis_lane_sent(lane, (size_t)n);
	}
	k->blocked = k->blocked && left > 0;
	sk_watch_set(k->watch, k->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return true;
}

bool
sk_redis_link_takes(struct sk_redis_link *k)
{
	if (k->stage != SK_REDIS_READY && !k->held)
		return false;
	if (sk_redis_lane_unsent(&k->main) <= MAX_UNSENT && k->main.n < MAX_WAITS)
		return true;
	sk_redis_link_say(k, SK_REDIS_FULL, SK_WARNING, "too much waits to be sent and is dropped");
	return false;
}

static void
send_on(struct sk_redis_link *k, struct sk_redis_lane *lane, const struct sk_redis_arg *args,
	size_t n, struct sk_redis_wait wait)
{
	if (lane->n == 0)
		k->asked_ms = sk_boot_ms();
	sk_redis_lane_add(lane, args, n, wait);
	k->sent++;
	if (lane != lane_of(k) || k->blocked || k->broken)
		return;
	if (k->flush.pos == 0)
		sk_timer_set(k->loop, &k->flush, 0); /* with all that this round brings */
	if (sk_redis_lane_unsent(lane) >= WRITE_AT)
		k->broken = !write_some(k); /* ends it when the timer comes: not within an operation */
}

void
sk_redis_link_send(
	struct sk_redis_link *k, const struct sk_redis_arg *args, size_t n, struct sk_redis_wait wait)
{
	send_on(k, &k->main, args, n, wait);
}

void
sk_redis_link_hello(
	struct sk_redis_link *k, const struct sk_redis_arg *args, size_t n, struct sk_redis_wait wait)
{
	send_on(k, &k->hello, args, n, wait);
}

/* ---- answers ---- */

static void
look_for_errors(struct sk_redis_link *k, const char *command, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR)
		sk_redis_link_error(k, command, reply->str);
	if (reply->type == REDIS_REPLY_ARRAY)
		for (size_t i = 0; i < reply->elements; i++)
			if (reply->element[i]->type == REDIS_REPLY_ERROR)
				sk_redis_link_error(k, command, reply->element[i]->str);
}

static void
dispatch(struct sk_redis_link *k, const redisReply *reply)
{
	const bool ready = k->stage == SK_REDIS_READY;
	struct sk_redis_wait w;

	if (!sk_redis_lane_next(lane_of(k), &w)) {
		sk_redis_broke(
			k, reply->type == REDIS_REPLY_ERROR ? reply->str : "it says what nobody asked for");
		return;
	}
	k->answered++;
	if (w.fn != NULL)
		w.fn(w.arg, reply);
	else
		look_for_errors(k, w.command, reply);
	if (ready && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0)
		sk_redis_link_lost(k, SK_REDIS_AUTH, reply->str);
}

/* false: there is no connection any more. */
static bool
take_answers(struct sk_redis_link *k)
{
	const uint64_t attempt = k->attempt;
	void *reply;

	for (;;) {
		if (redisReaderGetReply(k->reader, &reply) != REDIS_OK) {
			sk_redis_broke(k, k->reader->errstr);
			return false;
		}
		if (reply == NULL)
			break;
		dispatch(k, reply);
		freeReplyObject(reply);
		if (k->attempt != attempt)
			return false;
	}
	if (k->reader->len - k->reader->pos > MAX_ANSWER || k->reader->ridx >= MAX_NESTING) {
		sk_redis_broke(k, "an answer is larger or deeper than any that was asked for");
		return false;
	}
	return true;
}

static void
read_some(struct sk_redis_link *k)
{
	char buf[READ_BYTES];

	for (int i = 0; i < READ_ROUNDS; i++) {
		struct sk_err err;
		const ssize_t n = sk_redis_io_read(&k->io, buf, sizeof(buf), &err);

		if (n < 0)
			sk_redis_broke(k, err.msg);
		if (n <= 0)
			return;
		k->heard_ms = sk_boot_ms();
		if (redisReaderFeed(k->reader, buf, (size_t)n) != REDIS_OK) {
			sk_redis_broke(k, "no memory for its answer");
			return;
		}
		if (!take_answers(k) || ((size_t)n < sizeof(buf) && k->io.ssl == NULL))
			return;
	}
}

/* Why may stand in what it sent before it closed. */
static void
write_failed(struct sk_redis_link *k)
{
	const uint64_t attempt = k->attempt;
	const struct sk_err why = k->why;

	read_some(k);
	if (k->attempt == attempt)
		sk_redis_broke(k, why.msg);
}

void
sk_redis_on_flush(void *arg)
{
	struct sk_redis_link *k = arg;

	if (k->broken || !write_some(k))
		write_failed(k);
}

void
sk_redis_on_traffic(struct sk_redis_link *k, uint32_t events)
{
	const uint64_t attempt = k->attempt;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_some(k);
	if (k->attempt == attempt && events & EPOLLOUT && !write_some(k))
		write_failed(k);
}
