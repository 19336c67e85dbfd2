#include "adapters/kafka/client.h"
#include "adapters/kafka/servers.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REFRESH_MS 30000

/* Compression stays off: Python's consumers need a package for lz4 and zstd, and hints of 150 bytes
 * gain nothing by gzip. */
static const struct sk_kafka_option common[] = {
	{ "allow.auto.create.topics", "false" },
	{ "socket.timeout.ms", "10000" },
	{ "socket.connection.setup.timeout.ms", "10000" },
	{ "socket.keepalive.enable", "true" },
	{ "socket.nagle.disable", "true" },
	{ "connections.max.idle.ms", "540000" }, /* brokers close after 10 min, and loudly */
	{ "reconnect.backoff.ms", "100" }, /* with jitter */
	{ "reconnect.backoff.max.ms", "2000" },
	{ "retry.backoff.max.ms", "1000" },
	{ "log.queue", "true" },
	{ "enable.metrics.push", "false" }, /* nobody asked for it */
	{ NULL, NULL },
};

/* A dead peer is noticed by what is sent (10 s) and by what is not answered (14 s). */
static int
open_socket(int domain, int type, int protocol, void *opaque)
{
	static const struct {
		int name, value;
	} options[] = {
		{ TCP_USER_TIMEOUT, SK_KAFKA_SOCKET_MS },
		{ TCP_KEEPIDLE, 5 },
		{ TCP_KEEPINTVL, 3 },
		{ TCP_KEEPCNT, 3 },
	};
	int fd = socket(domain, type | SOCK_CLOEXEC, protocol);

	(void)opaque;
	/* what the kernel does not know only makes it slower to notice */
	for (size_t i = 0; fd >= 0 && i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(
			fd, IPPROTO_TCP, options[i].name, &options[i].value, sizeof(options[i].value));
	return fd;
}

/* ---- configuration ---- */

static bool
is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* The library's sentence may quote the value, so it is not repeated. */
static bool
set(rd_kafka_conf_t *conf, const char *name, const char *value, struct sk_err *err)
{
	char text[256];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return true;
	sk_fail(err, SK_EINVAL, "the Kafka client does not accept its setting %s", name);
	return false;
}

static bool
set_all(rd_kafka_conf_t *conf, const struct sk_kafka_option *options, struct sk_err *err)
{
	for (; options != NULL && options->name != NULL; options++)
		if (!set(conf, options->name, options->value, err))
			return false;
	return true;
}

/* The word as the library spells it, or NULL. */
static const char *
one_of(const char *word, const char *const *words)
{
	while (*words != NULL && strcasecmp(word, *words) != 0)
		words++;
	return *words;
}

static bool
set_file(
	rd_kafka_conf_t *conf, const char *name, const char *path, const char *what, struct sk_err *err)
{
	if (!is_given(path))
		return true;
	if (access(path, R_OK) != 0) {
		sk_fail_errno(err, "the %s for Kafka, %s, cannot be read", what, path);
		err->code = SK_EINVAL;
		return false;
	}
	return set(conf, name, path, err);
}

static bool
set_tls(rd_kafka_conf_t *conf, const struct sk_bus_kafka_config *cfg, struct sk_err *err)
{
	if (is_given(cfg->cert_file) != is_given(cfg->key_file)) {
		sk_fail(err, SK_EINVAL, "a certificate for Kafka needs its key, and the key it");
		return false;
	}
	if (!is_given(cfg->ca_file) && !set(conf, "ssl.ca.location", "probe", err))
		return false;
	return set_file(conf, "ssl.ca.location", cfg->ca_file, "CA file", err) &&
		set_file(conf, "ssl.certificate.location", cfg->cert_file, "certificate", err) &&
		set_file(conf, "ssl.key.location", cfg->key_file, "key", err);
}

static bool
set_sasl(rd_kafka_conf_t *conf, const struct sk_bus_kafka_config *cfg, struct sk_err *err)
{
	static const char *const known[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL };
	const char *mechanism = one_of(is_given(cfg->mechanism) ? cfg->mechanism : "PLAIN", known);

	if (mechanism == NULL) {
		sk_fail(
			err, SK_EINVAL, "the Kafka mechanism must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
		return false;
	}
	if (!is_given(cfg->username) || !is_given(cfg->password)) {
		sk_fail(err, SK_EINVAL, "Kafka with SASL needs a user name and a password");
		return false;
	}
	return set(conf, "sasl.mechanism", mechanism, err) &&
		set(conf, "sasl.username", cfg->username, err) &&
		set(conf, "sasl.password", cfg->password, err);
}

static bool
set_security(rd_kafka_conf_t *conf, const struct sk_bus_kafka_config *cfg, struct sk_err *err)
{
	static const char *const known[] = { "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", NULL };
	const char *by_rule = sk_kafka_is_confluent(cfg->servers) ? "SASL_SSL" : "PLAINTEXT";
	const char *security = one_of(is_given(cfg->security) ? cfg->security : by_rule, known);

	if (security == NULL) {
		sk_fail(err, SK_EINVAL,
			"the Kafka security protocol must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
		return false;
	}
	if (!set(conf, "security.protocol", security, err))
		return false;
	if (strstr(security, "SSL") != NULL && !set_tls(conf, cfg, err))
		return false;
	return strstr(security, "SASL") == NULL || set_sasl(conf, cfg, err);
}

static bool
set_everything(rd_kafka_conf_t *conf, const struct sk_bus_kafka_config *cfg,
	const struct sk_kafka_option *options, struct sk_err *err)
{
	char refresh[24];

	if (!is_given(cfg->servers)) {
		sk_fail(err, SK_EINVAL, "no Kafka server is given");
		return false;
	}
	rd_kafka_conf_set_socket_cb(conf, open_socket);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
	snprintf(refresh, sizeof(refresh), "%d", cfg->look_ms > 0 ? (int)cfg->look_ms : REFRESH_MS);
	return set(conf, "bootstrap.servers", cfg->servers, err) &&
		set(conf, "topic.metadata.refresh.interval.ms", refresh, err) &&
		set(conf, "client.id", "skalds", err) && set_all(conf, common, err) &&
		set_security(conf, cfg, err) && set_all(conf, options, err);
}

/* Only the first thing in an empty queue wakes: what may have come in before counts as that. */
void
sk_kafka_wake(rd_kafka_queue_t *q, int fd)
{
	static const uint64_t one = 1;

	rd_kafka_queue_io_event_enable(q, fd, fd >= 0 ? &one : NULL, fd >= 0 ? sizeof(one) : 0);
	if (fd >= 0)
		eventfd_write(fd, 1);
}

bool
sk_kafka_client_open(struct sk_kafka_client *c, rd_kafka_type_t type,
	const struct sk_bus_kafka_config *cfg, const struct sk_kafka_option *options, int wake_fd,
	struct sk_err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];

	*c = (struct sk_kafka_client){ NULL, NULL };
	if (!set_everything(conf, cfg, options, err)) {
		rd_kafka_conf_destroy(conf);
		return false;
	}
	c->rk = rd_kafka_new(type, conf, text, sizeof(text)); /* takes conf when it succeeds */
	if (c->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		sk_fail(err, SK_EINVAL, "the Kafka client cannot be set up: %s", text);
		return false;
	}
	c->events = rd_kafka_queue_get_main(c->rk);
	rd_kafka_set_log_queue(c->rk, c->events);
	sk_kafka_wake(c->events, wake_fd);
	return true;
}

/* ---- the end ---- */

static void
end_remains(struct sk_kafka_remains *r)
{
	for (unsigned t = 0; t < SK_N_TOPIC; t++) {
		for (int32_t p = 0; p < r->parts[t].n; p++)
			if (r->parts[t].started[p])
				rd_kafka_consume_stop(r->parts[t].topic, p);
		free(r->parts[t].started);
		if (r->parts[t].topic != NULL)
			rd_kafka_topic_destroy(r->parts[t].topic);
	}
	if (r->queue != NULL)
		rd_kafka_queue_destroy(r->queue);
	rd_kafka_queue_destroy(r->client.events);
	rd_kafka_destroy(r->client.rk);
}

static void *
end_thread(void *arg)
{
	end_remains(arg);
	free(arg);
	return NULL;
}

void
sk_kafka_client_end(const struct sk_kafka_remains *remains, int64_t wait_ms)
{
	struct sk_kafka_remains *r;
	struct timespec until;
	sigset_t all, before;
	pthread_t thread;
	int failed;

	if (remains->client.rk == NULL)
		return;
	sk_kafka_wake(remains->client.events, -1);
	if (remains->queue != NULL)
		sk_kafka_wake(remains->queue, -1);
	r = sk_xmalloc(sizeof(*r));
	*r = *remains;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&thread, NULL, end_thread, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	if (failed != 0)
		end_thread(r);
	else if (wait_ms <= 0 || pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0)
		pthread_detach(thread);
}

/* ---- errors ---- */

bool
sk_kafka_is_away(rd_kafka_resp_err_t code)
{
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
		return true;
	default:
		return false;
	}
}
