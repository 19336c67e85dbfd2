/* look.c - which topics and partitions there are. Every 30 s, and when something has changed:
 *
 *	topics ─┬─ some are missing ─> how many brokers? ─> make them ─> once more
 *	        └─ all there ─> where do those end that are new to us? ─> read them from there
 *
 * One question at a time, asked by the producer's handle; the answers come through its queue. */
#include "adapters/kafka/bus_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 30000
#define AGAIN_MS 50
#define RETRY_MS 100
#define RETRY_MAX_MS 2000
#define SOON_MS 200
#define EVENT_RETENTION_MS "3600000" /* nobody reads skalds.event from behind */

void
kafka_look_due(void *bus)
{
	kafka_look(bus);
}

void
kafka_look_forget(struct kafka_bus *b)
{
	b->looking = LOOK_IDLE;
	b->look_again = false;
}

void
kafka_look_soon(struct kafka_bus *b)
{
	const int64_t due = sk_boot_ms() + kafka_about(b, SOON_MS);

	if (b->looking != LOOK_IDLE)
		b->look_again = true;
	else if (b->look.pos == 0 || b->look.due_ms > due)
		sk_timer_set(b->cfg.loop, &b->look, due);
}

static void
over(struct kafka_bus *b, int64_t next_ms)
{
	b->looking = LOOK_IDLE;
	if (b->look_again && next_ms > AGAIN_MS)
		next_ms = AGAIN_MS;
	b->look_again = false;
	sk_timer_set(b->cfg.loop, &b->look, sk_boot_ms() + kafka_about(b, next_ms));
}

/* Not everything is known that should be: again, less and less often. */
static void
incomplete(struct kafka_bus *b)
{
	const int64_t wait = RETRY_MS << (b->look_fails < 5 ? b->look_fails : 5);

	b->look_fails++;
	over(b, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

static void
complete(struct kafka_bus *b)
{
	b->look_fails = 0;
	over(b, b->cfg.look_ms > 0 ? b->cfg.look_ms : LOOK_MS);
}

static rd_kafka_AdminOptions_t *
options_for(struct kafka_bus *b, rd_kafka_admin_op_t op)
{
	rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(b->producer.rk, op);
	char text[128];

	if (rd_kafka_AdminOptions_set_request_timeout(o, SK_KAFKA_SOCKET_MS, text, sizeof(text)) != 0)
		sk_log(SK_DEBUG, b->cfg.component, "librdkafka: %s", text);
	return o;
}

/* ---- questions ---- */

void
kafka_look(struct kafka_bus *b)
{
	const char *names[SK_N_TOPIC];
	rd_kafka_TopicCollection_t *topics;
	rd_kafka_AdminOptions_t *o;

	if (b->producer.rk == NULL)
		return;
	if (b->looking != LOOK_IDLE) {
		b->look_again = true;
		return;
	}
	sk_timer_clear(b->cfg.loop, &b->look);
	for (unsigned t = 0; t < SK_N_TOPIC; t++)
		names[t] = sk_kafka_topic(t);
	topics = rd_kafka_TopicCollection_of_topic_names(names, SK_N_TOPIC);
	o = options_for(b, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
	rd_kafka_DescribeTopics(b->producer.rk, topics, o, b->producer.events);
	rd_kafka_AdminOptions_destroy(o);
	rd_kafka_TopicCollection_destroy(topics);
	b->looking = LOOK_TOPICS;
}

static void
ask_cluster(struct kafka_bus *b)
{
	rd_kafka_AdminOptions_t *o = options_for(b, RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER);

	rd_kafka_DescribeCluster(b->producer.rk, o, b->producer.events);
	rd_kafka_AdminOptions_destroy(o);
	b->looking = LOOK_CLUSTER;
}

static int
replicas(struct kafka_bus *b, int brokers)
{
	const int wanted = b->cfg.replication > 0 ? b->cfg.replication : SK_KAFKA_REPLICATION;

	if (brokers <= 0 || wanted <= brokers)
		return wanted;
	if (!b->said_replicas)
		sk_log(SK_WARNING, b->cfg.component,
			"Kafka has only %d broker%s: topics get as many copies, not %d", brokers,
			brokers == 1 ? "" : "s", wanted);
	b->said_replicas = true;
	return brokers;
}

static void
make_topics(struct kafka_bus *b, int brokers)
{
	rd_kafka_NewTopic_t *list[SK_N_TOPIC];
	rd_kafka_AdminOptions_t *o = options_for(b, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	const int partitions = b->cfg.partitions > 0 ? b->cfg.partitions : SK_KAFKA_PARTITIONS;
	const int copies = replicas(b, brokers);
	char text[256] = "";
	size_t n = 0;

	for (unsigned t = 0; t < SK_N_TOPIC; t++) {
		if (!b->topics[t].gone)
			continue;
		list[n] = rd_kafka_NewTopic_new(sk_kafka_topic(t), partitions, copies, text, sizeof(text));
		if (list[n] != NULL && t == SK_TOPIC_EVENT)
			rd_kafka_NewTopic_set_config(list[n], "retention.ms", EVENT_RETENTION_MS);
		if (list[n] != NULL)
			n++;
	}
	if (n > 0) {
		rd_kafka_CreateTopics(b->producer.rk, list, n, o, b->producer.events);
		b->looking = LOOK_CREATE;
	} else {
		sk_log(SK_WARNING, b->cfg.component, "topics cannot be made: %s", text);
		over(b, LOOK_MS);
	}
	rd_kafka_NewTopic_destroy_array(list, n);
	rd_kafka_AdminOptions_destroy(o);
}

/* Where do the partitions end that nobody has told us of before? */
static bool
ask_ends(struct kafka_bus *b)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	bool asked;

	for (unsigned i = 0; i < SK_N_TOPIC; i++) {
		const struct kafka_topic *t = &b->topics[i];

		for (int32_t p = 0; t->wanted && p < t->n_parts; p++)
			if (t->next[p] < 0)
				rd_kafka_topic_partition_list_add(list, sk_kafka_topic(i), p)->offset =
					RD_KAFKA_OFFSET_SPEC_LATEST;
	}
	asked = list->cnt > 0;
	if (asked) {
		rd_kafka_AdminOptions_t *o = options_for(b, RD_KAFKA_ADMIN_OP_LISTOFFSETS);

		rd_kafka_ListOffsets(b->producer.rk, list, o, b->producer.events);
		rd_kafka_AdminOptions_destroy(o);
		b->looking = LOOK_ENDS;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return asked;
}

/* ---- answers ---- */

/* SK_N_TOPIC: none of ours. */
static unsigned
topic_named(const char *name)
{
	unsigned t = 0;

	while (t < SK_N_TOPIC && (name == NULL || strcmp(name, sk_kafka_topic(t)) != 0))
		t++;
	return t;
}

/* Partitions that were not there when somebody was listening already are read from their beginning,
 * all others from their end. */
static void
grow(struct kafka_topic *t, int32_t n)
{
	t->next = sk_xreallocarray(t->next, (size_t)n, sizeof(*t->next));
	t->started = sk_xreallocarray(t->started, (size_t)n, sizeof(*t->started));
	for (int32_t p = t->n_parts; p < n; p++) {
		t->next[p] = t->seen >= 0 && p >= t->seen ? 0 : -1;
		t->started[p] = false;
	}
	t->n_parts = n;
}

static bool
is_another(const struct kafka_topic *t, const int64_t id[2])
{
	if (t->n_parts == 0)
		return false;
	if (id[0] == 0 && id[1] == 0) /* brokers before 2.8 tell no ids */
		return t->gone;
	return (t->id[0] != 0 || t->id[1] != 0) && (t->id[0] != id[0] || t->id[1] != id[1]);
}

/* true: it is another topic than the one we know by this name. */
static bool
take_topic(struct kafka_topic *t, const rd_kafka_TopicDescription_t *d)
{
	const rd_kafka_Uuid_t *uuid = rd_kafka_TopicDescription_topic_id(d);
	const int64_t id[2] = { uuid != NULL ? rd_kafka_Uuid_most_significant_bits(uuid) : 0,
		uuid != NULL ? rd_kafka_Uuid_least_significant_bits(uuid) : 0 };
	const bool another = is_another(t, id);
	size_t n;

	rd_kafka_TopicDescription_partitions(d, &n);
	memcpy(t->id, id, sizeof(id));
	t->gone = t->denied = false;
	if (!another) {
		if ((int32_t)n > t->n_parts)
			grow(t, (int32_t)n);
		if (t->wanted)
			t->seen = (int32_t)n;
	}
	return another;
}

/* A topic that was removed and made again: the old handle has the old one's offsets and epochs. All
 * of the new one came while we were listening. */
static void
begin_anew(struct kafka_bus *b)
{
	const bool reads = b->consumer.rk != NULL;
	struct sk_err err;

	sk_log(SK_INFO, b->cfg.component, "topics were made anew; they are read from their beginning");
	kafka_consumer_end(b, 0);
	for (unsigned i = 0; i < SK_N_TOPIC; i++) {
		struct kafka_topic *t = &b->topics[i];

		if (!t->gone)
			continue;
		t->n_parts = 0;
		t->seen = t->wanted ? 0 : -1;
	}
	if (reads && !kafka_consumer_open(b, &err))
		sk_log(SK_ERROR, b->cfg.component, "nothing is read from Kafka any more: %s", err.msg);
}

/* true: it was there before. */
static bool
note_error(struct kafka_bus *b, struct kafka_topic *t, const rd_kafka_error_t *error)
{
	if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
		const bool vanished = !t->gone && t->n_parts > 0;

		t->gone = true;
		t->denied = false;
		if (t->wanted)
			t->seen = 0;
		return vanished;
	}
	t->denied = true;
	if (b->denied[0] == '\0')
		sk_log(SK_WARNING, b->cfg.component, "the topic %s cannot be looked at: %s",
			sk_kafka_topic(t->topic), rd_kafka_error_string(error));
	snprintf(b->denied, sizeof(b->denied), "%s: %s", sk_kafka_topic(t->topic),
		rd_kafka_error_string(error));
	return false;
}

/* A cluster that lost its data gives the ids of idempotent producers out a second time: what we
 * sent by ours would stand in the way of whoever gets it then. What waits to be sent is lost. */
static void
take_another_id(struct kafka_bus *b)
{
	if (!b->plain)
		sk_timer_set(b->cfg.loop, &b->renew, 0);
}

static bool
any(const struct kafka_bus *b, bool gone)
{
	for (unsigned t = 0; t < SK_N_TOPIC; t++)
		if (gone ? b->topics[t].gone : b->topics[t].denied)
			return true;
	return false;
}

static void
go_on(struct kafka_bus *b)
{
	kafka_consumer_start(b);
	if (!ask_ends(b))
		complete(b);
}

static void
take_topics(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	size_t n;
	const rd_kafka_TopicDescription_t **list =
		rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(ev), &n);
	bool anew = false, vanished = false;

	for (size_t i = 0; i < n; i++) {
		const unsigned number = topic_named(rd_kafka_TopicDescription_name(list[i]));
		const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(list[i]);
		struct kafka_topic *t;

		if (number == SK_N_TOPIC)
			continue;
		t = &b->topics[number];
		if (error != NULL && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
			vanished |= note_error(b, t, error);
		} else if (take_topic(t, list[i])) {
			t->gone = anew = true;
		}
	}
	if (!any(b, false))
		b->denied[0] = '\0';
	if (vanished || (anew && !b->has_another_id))
		take_another_id(b);
	b->has_another_id = vanished || (b->has_another_id && !anew);
	if (anew) {
		begin_anew(b);
		for (unsigned t = 0; t < SK_N_TOPIC; t++)
			b->topics[t].gone = false;
		over(b, AGAIN_MS);
	} else if (vanished) {
		over(b, AGAIN_MS);
	} else if (any(b, true)) {
		ask_cluster(b);
	} else {
		go_on(b);
	}
}

static void
take_cluster(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	size_t n;

	rd_kafka_DescribeCluster_result_nodes(rd_kafka_event_DescribeCluster_result(ev), &n);
	make_topics(b, (int)n);
}

static void
take_made(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	bool made = true;
	size_t n;
	const rd_kafka_topic_result_t **list =
		rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &n);

	for (size_t i = 0; i < n; i++) {
		const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(list[i]);
		const char *name = rd_kafka_topic_result_name(list[i]);
		const char *why = rd_kafka_topic_result_error_string(list[i]);

		if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
			sk_log(SK_INFO, b->cfg.component, "made the topic %s", name);
		} else if (code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
			made = false;
			if (b->denied[0] == '\0')
				sk_log(SK_WARNING, b->cfg.component,
					"the topic %s is missing and cannot be made: %s; create it with "
					"kafka-topics.sh or let this user create topics",
					name, why != NULL ? why : rd_kafka_err2str(code));
			snprintf(b->denied, sizeof(b->denied), "the topic %s is missing and cannot be made: %s",
				name, why != NULL ? why : rd_kafka_err2str(code));
		}
	}
	if (made)
		incomplete(b); /* soon it can be seen */
	else
		go_on(b);
}

static void
take_ends(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	size_t n;
	bool all = true;
	const rd_kafka_ListOffsetsResultInfo_t **list =
		rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(ev), &n);

	for (size_t i = 0; i < n; i++) {
		const rd_kafka_topic_partition_t *at =
			rd_kafka_ListOffsetsResultInfo_topic_partition(list[i]);
		const unsigned number = topic_named(at->topic);
		struct kafka_topic *t;

		if (number == SK_N_TOPIC)
			continue;
		t = &b->topics[number];
		if (at->partition < 0 || at->partition >= t->n_parts)
			continue;
		if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR || at->offset < 0)
			all = false;
		else if (t->next[at->partition] < 0)
			t->next[at->partition] = at->offset;
	}
	kafka_consumer_start(b);
	if (all)
		complete(b);
	else
		incomplete(b);
}

void
kafka_look_answer(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	const rd_kafka_resp_err_t code = rd_kafka_event_error(ev);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		kafka_error(b, ev);
		if (b->looking == LOOK_CLUSTER && !sk_kafka_is_away(code))
			make_topics(b, 0);
		else
			incomplete(b);
		return;
	}
	kafka_heard(b);
	switch (rd_kafka_event_type(ev)) {
	case RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT:
		take_topics(b, ev);
		break;
	case RD_KAFKA_EVENT_DESCRIBECLUSTER_RESULT:
		take_cluster(b, ev);
		break;
	case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
		take_made(b, ev);
		break;
	case RD_KAFKA_EVENT_LISTOFFSETS_RESULT:
		take_ends(b, ev);
		break;
	default:
		break;
	}
}
