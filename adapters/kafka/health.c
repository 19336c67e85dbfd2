/* health.c - is the broker there, and what is said about it. An error alone proves little (one of
 * several brokers, an address that is tried before another): it makes the bus ask, and when 2 s
 * later nothing was heard the broker is away. */
#include "adapters/kafka/bus_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SUSPECT_MS 2000
#define QUIET_MS 60000
#define LOG_DETAIL 6 /* syslog's info */

void
kafka_say(struct kafka_bus *b, struct kafka_limit *l, enum sk_level level, const char *fmt, ...)
{
	const int64_t now = sk_boot_ms();
	struct sk_str text = SK_STR_INIT;
	va_list ap;

	if (level < sk_log_settings()->level)
		return;
	if (now < l->next_ms) {
		l->muted++;
		return;
	}
	va_start(ap, fmt);
	sk_str_vaddf(&text, fmt, ap);
	va_end(ap);
	if (l->muted > 0)
		sk_str_addf(&text, " (%" PRIu64 " more were not told)", l->muted);
	sk_log(level, b->cfg.component, "%s", sk_str_text(&text));
	sk_str_release(&text);
	l->next_ms = now + QUIET_MS;
	l->muted = 0;
}

int64_t
kafka_about(struct kafka_bus *b, int64_t ms)
{
	b->random = b->random * 1664525u + 1013904223u;
	return ms - ms / 8 + (int64_t)((uint64_t)b->random * (uint64_t)(ms / 4 + 1) >> 32);
}

void
kafka_heard(struct kafka_bus *b)
{
	const int64_t now = sk_boot_ms();

	b->state.heard_ms = now;
	b->state.connected = true;
	if (b->suspect.pos == 0 && !b->away)
		return;
	sk_timer_clear(b->cfg.loop, &b->suspect);
	b->trouble[0] = '\0';
	if (!b->away)
		return;
	b->away = false;
	sk_log(SK_INFO, b->cfg.component,
		"Kafka answers again after %" PRId64 " s; %" PRIu64 " events were lost meanwhile",
		(now - b->away_since_ms) / 1000, b->state.failed + b->state.dropped - b->away_failed);
	kafka_look(b); /* it may have come back empty */
}

void
kafka_trouble(struct kafka_bus *b, rd_kafka_resp_err_t code, const char *text)
{
	const int64_t now = sk_boot_ms();

	/* that all are down or a question timed out tells less than what stands there */
	if ((code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && code != RD_KAFKA_RESP_ERR__TIMED_OUT &&
			code != RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE) ||
		b->trouble[0] == '\0')
		snprintf(b->trouble, sizeof(b->trouble), "%s", text);
	if (b->away || b->suspect.pos != 0)
		return;
	sk_timer_set(b->cfg.loop, &b->suspect, now + SUSPECT_MS);
	kafka_look_soon(b);
}

void
kafka_suspect_due(void *bus)
{
	struct kafka_bus *b = bus;

	b->state.connected = false;
	b->away = true;
	b->away_since_ms = sk_boot_ms();
	b->away_failed = b->state.failed + b->state.dropped;
	sk_log(SK_WARNING, b->cfg.component,
		"Kafka (%s) does not answer%s%s; events are lost until it does, the store makes up for "
		"them",
		b->cfg.servers, b->trouble[0] != '\0' ? ": " : "", b->trouble);
}

/* Errors that are no question of being there: said now and then, and kept for who asks. */
static void
other_error(struct kafka_bus *b, rd_kafka_resp_err_t code, const char *text)
{
	if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
		code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		snprintf(b->denied, sizeof(b->denied), "%s", text);
	kafka_say(b, &b->say_error, SK_WARNING, "Kafka: %s", text);
}

void
kafka_error(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	const rd_kafka_resp_err_t code = rd_kafka_event_error(ev);

	if (sk_kafka_is_away(code))
		kafka_trouble(b, code, rd_kafka_event_error_string(ev));
	else
		other_error(b, code, rd_kafka_event_error_string(ev));
}

/* What the library tells of its connections; what matters comes as an error too. */
void
kafka_log(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	const char *facility, *text;
	int level;

	if (rd_kafka_event_log(ev, &facility, &text, &level) == 0 && level <= LOG_DETAIL)
		kafka_say(b, &b->say_log, SK_DEBUG, "librdkafka: %s: %s", facility, text);
}
