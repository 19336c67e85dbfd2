#include "adapters/kafka/probe.h"
#include "adapters/kafka/client.h"
#include "adapters/kafka/message.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define END_MS 1000

struct probe {
	const struct sk_bus_kafka_config *cfg;
	struct sk_kafka_client client;
	rd_kafka_queue_t *answers;
	sk_kafka_report_fn *report;
	void *arg;
	int64_t end_ms;
	bool broken; /* an error was reported */
	char trouble[256]; /* the last error of a connection */
	size_t brokers;
	char version[32]; /* "" = not known */
	bool may_create; /* any topic of the cluster */
	bool missing[SK_N_TOPIC];
};

static void __attribute__((format(printf, 3, 4)))
tell(struct probe *p, enum sk_level level, const char *fmt, ...)
{
	struct sk_str s = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&s, fmt, ap);
	va_end(ap);
	p->broken = p->broken || level >= SK_ERROR;
	p->report(p->arg, level, sk_str_text(&s));
	sk_str_release(&s);
}

/* ---- questions and answers ---- */

/* What the connections have to complain of. */
static void
note_troubles(struct probe *p)
{
	rd_kafka_event_t *ev;

	while ((ev = rd_kafka_queue_poll(p->client.events, 0)) != NULL) {
		if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_ERROR &&
			(rd_kafka_event_error(ev) != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
				p->trouble[0] == '\0'))
			snprintf(p->trouble, sizeof(p->trouble), "%s", rd_kafka_event_error_string(ev));
		rd_kafka_event_destroy(ev);
	}
}

/* The next answer, to be destroyed by the caller; NULL: none came in time, or it is an error, which
 * is *code. */
static rd_kafka_event_t *
answer(struct probe *p, rd_kafka_resp_err_t *code)
{
	*code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	for (int64_t left; (left = p->end_ms - sk_boot_ms()) > 0; note_troubles(p)) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(p->answers, left < 100 ? (int)left : 100);

		if (ev == NULL)
			continue;
		*code = rd_kafka_event_error(ev);
		if (*code == RD_KAFKA_RESP_ERR_NO_ERROR)
			return ev;
		rd_kafka_event_destroy(ev);
		return NULL;
	}
	return NULL;
}

static rd_kafka_AdminOptions_t *
options_for(struct probe *p, rd_kafka_admin_op_t op)
{
	rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(p->client.rk, op);
	const int64_t left = p->end_ms - sk_boot_ms();
	char text[128];

	/* what it does not take is not asked for: the answer has less in it then */
	(void)rd_kafka_AdminOptions_set_request_timeout(
		o, left > 100 ? (int)left : 100, text, sizeof(text));
	if (op == RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER || op == RD_KAFKA_ADMIN_OP_DESCRIBETOPICS) {
		rd_kafka_error_t *e = rd_kafka_AdminOptions_set_include_authorized_operations(o, 1);

		if (e != NULL)
			rd_kafka_error_destroy(e);
	}
	return o;
}

static bool
is_among(const rd_kafka_AclOperation_t *list, size_t n, rd_kafka_AclOperation_t op)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == op || list[i] == RD_KAFKA_ACL_OPERATION_ALL)
			return true;
	return false;
}

/* ---- the cluster ---- */

static bool
look_at_cluster(struct probe *p)
{
	rd_kafka_AdminOptions_t *o = options_for(p, RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER);
	const rd_kafka_DescribeCluster_result_t *r;
	const rd_kafka_AclOperation_t *may;
	rd_kafka_resp_err_t code;
	rd_kafka_event_t *ev;
	size_t n = 0;

	rd_kafka_DescribeCluster(p->client.rk, o, p->answers);
	rd_kafka_AdminOptions_destroy(o);
	ev = answer(p, &code);
	if (ev == NULL) {
		tell(p, SK_ERROR,
			"Kafka (%s) does not answer: %s; see to KAFKA_HOST, the security settings "
			"and the broker",
			p->cfg->servers, p->trouble[0] != '\0' ? p->trouble : rd_kafka_err2str(code));
		return false;
	}
	r = rd_kafka_event_DescribeCluster_result(ev);
	rd_kafka_DescribeCluster_result_nodes(r, &p->brokers);
	may = rd_kafka_DescribeCluster_result_authorized_operations(r, &n);
	p->may_create = may == NULL || is_among(may, n, RD_KAFKA_ACL_OPERATION_CREATE);
	rd_kafka_event_destroy(ev);
	return true;
}

static void
take_version(struct probe *p, rd_kafka_event_t *ev)
{
	size_t n, n_entries;
	const rd_kafka_ConfigResource_t **list =
		rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(ev), &n);
	const rd_kafka_ConfigEntry_t **entries;

	if (n == 0)
		return;
	entries = rd_kafka_ConfigResource_configs(list[0], &n_entries);
	for (size_t i = 0; i < n_entries; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (value != NULL &&
			strcmp(rd_kafka_ConfigEntry_name(entries[i]), "inter.broker.protocol.version") == 0)
			snprintf(p->version, sizeof(p->version), "%.*s", (int)strcspn(value, "-"), value);
	}
}

/* No broker tells its version by itself; who may read its settings finds it there. */
static void
look_at_version(struct probe *p)
{
	const int32_t id = rd_kafka_controllerid(p->client.rk, 0);
	rd_kafka_AdminOptions_t *o;
	rd_kafka_ConfigResource_t *res;
	rd_kafka_resp_err_t code;
	rd_kafka_event_t *ev;
	char name[16];

	if (id < 0)
		return;
	snprintf(name, sizeof(name), "%" PRId32, id);
	res = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, name);
	o = options_for(p, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_DescribeConfigs(p->client.rk, &res, 1, o, p->answers);
	rd_kafka_AdminOptions_destroy(o);
	rd_kafka_ConfigResource_destroy(res);
	ev = answer(p, &code);
	if (ev == NULL)
		return;
	take_version(p, ev);
	rd_kafka_event_destroy(ev);
}

/* ---- the topics ---- */

static size_t
copies_of(const rd_kafka_TopicDescription_t *d, size_t *partitions)
{
	const rd_kafka_TopicPartitionInfo_t **list =
		rd_kafka_TopicDescription_partitions(d, partitions);
	size_t n = 0;

	if (*partitions > 0)
		rd_kafka_TopicPartitionInfo_replicas(list[0], &n);
	return n;
}

static void
tell_topic(struct probe *p, const rd_kafka_TopicDescription_t *d)
{
	const char *name = rd_kafka_TopicDescription_name(d);
	size_t n = 0, partitions;
	const size_t copies = copies_of(d, &partitions);
	const rd_kafka_AclOperation_t *may = rd_kafka_TopicDescription_authorized_operations(d, &n);
	const bool reads = may == NULL || is_among(may, n, RD_KAFKA_ACL_OPERATION_READ);
	const bool writes = may == NULL || is_among(may, n, RD_KAFKA_ACL_OPERATION_WRITE);

	if (reads && writes)
		tell(p, SK_INFO, "topic %s: %zu partition%s, %zu cop%s", name, partitions,
			partitions == 1 ? "" : "s", copies, copies == 1 ? "y" : "ies");
	else
		tell(p, SK_ERROR, "topic %s: this user may not %s it; let it read and write", name,
			reads		 ? "write"
				: writes ? "read"
						 : "read or write");
}

static void
take_topics(struct probe *p, rd_kafka_event_t *ev)
{
	size_t n;
	const rd_kafka_TopicDescription_t **list =
		rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(ev), &n);

	for (size_t i = 0; i < n; i++) {
		const char *name = rd_kafka_TopicDescription_name(list[i]);
		const rd_kafka_error_t *e = rd_kafka_TopicDescription_error(list[i]);
		const rd_kafka_resp_err_t code =
			e != NULL ? rd_kafka_error_code(e) : RD_KAFKA_RESP_ERR_NO_ERROR;

		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			tell_topic(p, list[i]);
		else if (code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			tell(p, SK_ERROR, "topic %s: %s", name, rd_kafka_error_string(e));
		for (unsigned t = 0; t < SK_N_TOPIC; t++)
			if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
				strcmp(name, sk_kafka_topic(t)) == 0)
				p->missing[t] = true;
	}
}

static bool
look_at_topics(struct probe *p)
{
	const char *names[SK_N_TOPIC];
	rd_kafka_AdminOptions_t *o = options_for(p, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
	rd_kafka_TopicCollection_t *topics;
	rd_kafka_resp_err_t code;
	rd_kafka_event_t *ev;

	for (unsigned t = 0; t < SK_N_TOPIC; t++)
		names[t] = sk_kafka_topic(t);
	topics = rd_kafka_TopicCollection_of_topic_names(names, SK_N_TOPIC);
	rd_kafka_DescribeTopics(p->client.rk, topics, o, p->answers);
	rd_kafka_TopicCollection_destroy(topics);
	rd_kafka_AdminOptions_destroy(o);
	ev = answer(p, &code);
	if (ev == NULL) {
		tell(p, SK_ERROR, "the topics of Kafka cannot be looked at: %s", rd_kafka_err2str(code));
		return false;
	}
	take_topics(p, ev);
	rd_kafka_event_destroy(ev);
	return true;
}

/* ---- making those that are missing ---- */

static void
tell_made(struct probe *p, rd_kafka_event_t *ev)
{
	size_t n;
	const rd_kafka_topic_result_t **list =
		rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &n);

	for (size_t i = 0; i < n; i++) {
		const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(list[i]);
		const char *why = rd_kafka_topic_result_error_string(list[i]);

		if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			tell(p, SK_INFO, "topic %s: not there yet, a node or controller makes it",
				rd_kafka_topic_result_name(list[i]));
		else
			tell(p, SK_ERROR,
				"topic %s is missing and cannot be made: %s; create it with "
				"kafka-topics.sh or let this user create topics",
				rd_kafka_topic_result_name(list[i]), why != NULL ? why : rd_kafka_err2str(code));
	}
}

/* Asked with "validate only": the broker says what would happen. */
static void
try_to_make(struct probe *p)
{
	const int wanted = p->cfg->replication > 0 ? p->cfg->replication : SK_KAFKA_REPLICATION;
	const int copies = p->brokers > 0 && wanted > (int)p->brokers ? (int)p->brokers : wanted;
	rd_kafka_AdminOptions_t *o = options_for(p, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_NewTopic_t *list[SK_N_TOPIC];
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_event_t *ev;
	char text[128];
	size_t n = 0;

	for (unsigned t = 0; t < SK_N_TOPIC; t++)
		if (p->missing[t])
			list[n++] = rd_kafka_NewTopic_new(sk_kafka_topic(t),
				p->cfg->partitions > 0 ? p->cfg->partitions : SK_KAFKA_PARTITIONS, copies, text,
				sizeof(text));
	if (n > 0 && rd_kafka_AdminOptions_set_validate_only(o, 1, text, sizeof(text)) == 0) {
		rd_kafka_CreateTopics(p->client.rk, list, n, o, p->answers);
		ev = answer(p, &code);
		if (ev != NULL) {
			tell_made(p, ev);
			rd_kafka_event_destroy(ev);
		} else {
			tell(p, SK_ERROR,
				"topics are missing, and whether they can be made is not answered: %s",
				rd_kafka_err2str(code));
		}
	}
	if (n > 0 && copies < wanted)
		tell(p, SK_WARNING, "Kafka has only %d broker%s: topics get as many copies, not %d", copies,
			copies == 1 ? "" : "s", wanted);
	rd_kafka_NewTopic_destroy_array(list, n);
	rd_kafka_AdminOptions_destroy(o);
}

static void
look(struct probe *p)
{
	const int64_t began = sk_boot_ms();

	if (!look_at_cluster(p))
		return;
	look_at_version(p);
	tell(p, SK_INFO, "Kafka answers after %" PRId64 " ms: %zu broker%s%s%s", sk_boot_ms() - began,
		p->brokers, p->brokers == 1 ? "" : "s", p->version[0] != '\0' ? ", version " : "",
		p->version);
	if (look_at_topics(p))
		try_to_make(p);
}

bool
sk_kafka_probe(const struct sk_bus_kafka_config *cfg, int64_t timeout_ms,
	sk_kafka_report_fn *report, void *arg)
{
	struct probe p = {
		.cfg = cfg, .report = report, .arg = arg, .end_ms = sk_boot_ms() + timeout_ms
	};
	struct sk_err err;

	if (!sk_kafka_client_open(&p.client, RD_KAFKA_PRODUCER, cfg, NULL, -1, &err)) {
		tell(&p, SK_ERROR, "%s", err.msg);
		return false;
	}
	p.answers = rd_kafka_queue_new(p.client.rk);
	look(&p);
	sk_kafka_client_end(
		&(struct sk_kafka_remains){ .client = p.client, .queue = p.answers }, END_MS);
	return !p.broken;
}
