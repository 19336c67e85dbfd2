/* settings_table.c - the rows of settings.h, in the order of skalds-protocol.md 7.2, ours behind
 * those of the same service or at the end.
 *
 * Defaults that differ from the original on purpose: LOG_PATH (a container has no place for files),
 * the three hosts (not set means embedded, and localhost is a guess), MONGO_HOST (no password is
 * built in), SYSTEM_CONTROLLER_HOST (nothing listens for the world unasked), SKALD_MODE (a command
 * is named), SYSTEM_CONTROLLER_MODE (a controller is started to assign tasks). */
#include "cmd/settings.h"
#include <stddef.h>
#include <string.h>

#define AGENTS (SK_BY_EDGE | SK_BY_RUN_ONE | SK_BY_NODE | SK_BY_UP)
#define SERVICES (SK_BY_NODE | SK_BY_CONTROLLER | SK_BY_EDGE | SK_BY_RUN_ONE | SK_BY_TASK)
#define KAFKA .users = SERVICES, .service = "KAFKA_HOST"
#define REDIS .users = SERVICES, .service = "REDIS_HOST"
#define MONGO .users = SERVICES, .service = "MONGO_HOST"
#define LISTENERS (SK_BY_UP | SK_BY_CONTROLLER)
#define FILES (AGENTS | SK_BY_CONTROLLER)
#define DAY 86400

static const char *const envs[] = { "DEV", "PRODUCTION", NULL };
static const char *const modes[] = { "edge", "node", "single_process", NULL };
static const char *const levels[] = { "TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR",
	"CRITICAL", NULL };
static const char *const controllers[] = { "CONTROLLER", "MONITOR", "DISPATCHER", NULL };
static const char *const strategies[] = { "LEAST_TASKS", "ROUND_ROBIN", "RANDOM", "BEST_FIT",
	NULL };
static const char *const protocols[] = { "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", NULL };
static const char *const mechanisms[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL };
static const char *const formats[] = { "text", "json", NULL };

/* clang-format off */
const struct sk_setting_row sk_setting_rows[] = {
	{ .name = "SKALD_ID", .type = SK_SET_TEXT, .def = "", .users = AGENTS,
	  .doc = "name of this agent; blank: skalds- and five random hex digits" },
	{ .name = "SKALD_ENV", .type = SK_SET_ENUM, .def = "DEV", .choices = envs,
	  .users = SK_BY_CONTROLLER, .doc = "how much the error pages tell" },
	{ .name = "SKALD_MODE", .type = SK_SET_ENUM, .def = "", .choices = modes,
	  .doc = "the command to run when none is given; single_process is run-one" },
	{ .name = "LOG_LEVEL", .type = SK_SET_ENUM, .def = "INFO", .choices = levels,
	  .users = SK_BY_ALL, .flag = "--log-level", .doc = "the least important event to log" },
	{ .name = "LOG_PATH", .type = SK_SET_PATH, .def = "", .users = FILES,
	  .doc = "directory for log files; blank: standard error only" },
	{ .name = "LOG_RETENTION", .type = SK_SET_DURATION, .def = "3 days", .users = FILES,
	  .doc = "age at which log files are deleted; a bare number counts days" },
	{ .name = "LOG_ROTATION_MB", .type = SK_SET_NUMBER, .def = "10", .min = 0.001, .max = 1e6,
	  .users = FILES, .doc = "size of a log file at which the next one begins, in 10^6 bytes" },
	{ .name = "LOG_SPLIT_WITH_WORKER_ID", .type = SK_SET_BOOL, .def = "false", .users = FILES,
	  .doc = "a log file of its own for each task" },
	{ .name = "YAML_FILE", .type = SK_SET_PATH, .def = "",
	  .users = SK_BY_EDGE | SK_BY_RUN_ONE | SK_BY_CHECK, .flag = "--file",
	  .doc = "the file of tasks" },
	{ .name = "REDIS_HOST", .type = SK_SET_TEXT, .def = "", REDIS,
	  .doc = "Redis server: name, address, or path of a unix socket; blank: none" },
	{ .name = "REDIS_PORT", .type = SK_SET_INT, .def = "6379", .min = 1, .max = 65535, REDIS,
	  .doc = "its port" },
	{ .name = "REDIS_PASSWORD", .type = SK_SET_SECRET, .def = "", REDIS, .doc = "its password" },
	{ .name = "REDIS_SYNC_PERIOD", .type = SK_SET_INT, .def = "3", .min = 1, .max = 3600,
	  .doc = "accepted for the original's sake: a node reports to Redis every second" },
	{ .name = "REDIS_KEY_TTL", .type = SK_SET_INT, .def = "3600", .min = 1, .max = 365 * DAY,
	  .users = SK_BY_NODE, .doc = "seconds after which a report in Redis expires" },
	{ .name = "REDIS_USERNAME", .type = SK_SET_TEXT, .def = "", REDIS,
	  .doc = "user of its access control list; blank: the default one" },
	{ .name = "REDIS_DB", .type = SK_SET_INT, .def = "0", .min = 0, .max = 1e6, REDIS,
	  .doc = "number of its database" },
	{ .name = "REDIS_TLS", .type = SK_SET_BOOL, .def = "false", REDIS, .doc = "speak TLS to it" },
	{ .name = "REDIS_CA_FILE", .type = SK_SET_PATH, .def = "", REDIS,
	  .doc = "certificates (PEM) that its own is checked by; blank: the system's" },
	{ .name = "REDIS_CERT_FILE", .type = SK_SET_PATH, .def = "", REDIS,
	  .doc = "certificate (PEM) to show it; blank: none" },
	{ .name = "REDIS_KEY_FILE", .type = SK_SET_PATH, .def = "", REDIS,
	  .doc = "private key (PEM) of REDIS_CERT_FILE" },
	{ .name = "KAFKA_HOST", .type = SK_SET_TEXT, .def = "", KAFKA,
	  .doc = "Kafka brokers: HOST or HOST:PORT, with commas between; blank: none" },
	{ .name = "KAFKA_PORT", .type = SK_SET_INT, .def = "9092", .min = 1, .max = 65535, KAFKA,
	  .doc = "port of those that name none" },
	{ .name = "KAFKA_USERNAME", .type = SK_SET_TEXT, .def = "", KAFKA,
	  .doc = "user name for SASL" },
	{ .name = "KAFKA_PASSWORD", .type = SK_SET_SECRET, .def = "", KAFKA,
	  .doc = "password for SASL" },
	{ .name = "KAFKA_TOPIC_PARTITIONS", .type = SK_SET_INT, .def = "6", .min = 1, .max = 100000,
	  KAFKA, .doc = "partitions of a topic that is missing and gets made" },
	{ .name = "KAFKA_REPLICATION_FACTOR", .type = SK_SET_INT, .def = "3", .min = 1, .max = 100,
	  KAFKA, .doc = "copies of it; fewer where there are fewer brokers" },
	{ .name = "KAFKA_SECURITY_PROTOCOL", .type = SK_SET_ENUM, .def = "", .choices = protocols,
	  KAFKA, .doc = "blank: PLAINTEXT, but SASL_SSL when KAFKA_HOST contains confluent.cloud" },
	{ .name = "KAFKA_SASL_MECHANISM", .type = SK_SET_ENUM, .def = "PLAIN", .choices = mechanisms,
	  KAFKA, .doc = "how user name and password are shown with SASL" },
	{ .name = "KAFKA_CA_FILE", .type = SK_SET_PATH, .def = "", KAFKA,
	  .doc = "certificates (PEM) that the brokers' own are checked by; blank: the system's" },
	{ .name = "KAFKA_CERT_FILE", .type = SK_SET_PATH, .def = "", KAFKA,
	  .doc = "certificate (PEM) to show them; blank: none" },
	{ .name = "KAFKA_KEY_FILE", .type = SK_SET_PATH, .def = "", KAFKA,
	  .doc = "private key (PEM) of KAFKA_CERT_FILE" },
	{ .name = "MONGO_HOST", .type = SK_SET_URI, .def = "", MONGO,
	  .doc = "MongoDB, mongodb://USER:PASSWORD@HOST:PORT/?tls=true&…; blank: none" },
	{ .name = "DB_NAME", .type = SK_SET_TEXT, .def = "skalds", MONGO,
	  .doc = "name of the database" },
	{ .name = "TASK_WORKER_RETRY", .type = SK_SET_INT, .def = "-1", .min = -1, .max = 1e6,
	  .doc = "accepted for the original's sake; used by nothing" },
	{ .name = "SYSTEM_CONTROLLER_MODE", .type = SK_SET_ENUM, .def = "DISPATCHER",
	  .choices = controllers, .users = SK_BY_CONTROLLER,
	  .doc = "CONTROLLER: the API alone; MONITOR: looks after tasks too; DISPATCHER: assigns too" },
	{ .name = "SYSTEM_CONTROLLER_HOST", .type = SK_SET_TEXT, .def = "127.0.0.1",
	  .users = SK_BY_CONTROLLER, .doc = "address that a controller listens on, when it is set" },
	{ .name = "SYSTEM_CONTROLLER_PORT", .type = SK_SET_INT, .def = "8000", .min = 0, .max = 65535,
	  .users = SK_BY_CONTROLLER, .doc = "its port, likewise; 0 takes a free one" },
	{ .name = "MONITOR_SKALD_INTERVAL", .type = SK_SET_INT, .def = "5", .min = 1, .max = DAY,
	  .users = SK_BY_CONTROLLER, .doc = "seconds between two looks at the agents" },
	{ .name = "MONITOR_TASK_INTERVAL", .type = SK_SET_INT, .def = "3", .min = 1, .max = DAY,
	  .users = SK_BY_CONTROLLER, .doc = "seconds between two looks at the tasks" },
	{ .name = "MONITOR_HEARTBEAT_TIMEOUT", .type = SK_SET_INT, .def = "5", .min = 1, .max = DAY,
	  .doc = "accepted for the original's sake; used by nothing" },
	{ .name = "DISPATCHER_INTERVAL", .type = SK_SET_INT, .def = "5", .min = 1, .max = DAY,
	  .users = SK_BY_CONTROLLER | SK_BY_UP,
	  .doc = "seconds between two full looks for tasks to assign" },
	{ .name = "DISPATCHER_STRATEGY", .type = SK_SET_ENUM, .def = "LEAST_TASKS",
	  .choices = strategies, .users = SK_BY_CONTROLLER | SK_BY_UP, .flag = "--strategy",
	  .doc = "which agent gets the next task" },
	{ .name = "UVICORN_WORKERS", .type = SK_SET_INT, .def = "1", .min = 1, .max = 1e6,
	  .doc = "accepted for the original's sake; used by nothing" },
	{ .name = "WEB_CONCURRENCY", .type = SK_SET_INT, .def = "1", .min = 1, .max = 1e6,
	  .doc = "accepted for the original's sake; used by nothing" },
	{ .name = "SKALDS_DATA", .type = SK_SET_PATH, .def = "",
	  .users = AGENTS | SK_BY_CONTROLLER | SK_BY_TASK, .flag = "--data",
	  .doc = "data directory; blank: the usual place, none for edge, run-one and controller" },
	{ .name = "SKALDS_URL", .type = SK_SET_URI, .def = "", .users = SK_BY_TASK, .flag = "--url",
	  .doc = "controller to speak to, http:// or https://" },
	{ .name = "SKALDS_TOKEN", .type = SK_SET_SECRET, .def = "", .users = SK_BY_TASK,
	  .flag = "--token-file", .doc = "token for it; the flag names a file that holds it" },
	{ .name = "SKALDS_CA_FILE", .type = SK_SET_PATH, .def = "", .users = SK_BY_TASK,
	  .flag = "--ca-file",
	  .doc = "certificates (PEM) that its own is checked by; blank: the system's" },
	{ .name = "SKALDS_CERT_FILE", .type = SK_SET_PATH, .def = "", .users = SK_BY_TASK,
	  .flag = "--cert", .doc = "certificate (PEM) to show it; blank: none" },
	{ .name = "SKALDS_KEY_FILE", .type = SK_SET_PATH, .def = "", .users = SK_BY_TASK,
	  .flag = "--key", .doc = "private key (PEM) of SKALDS_CERT_FILE" },
	{ .name = "SKALDS_LISTEN", .type = SK_SET_TEXT, .def = "", .users = LISTENERS,
	  .flag = "--listen", .doc = "HOST:PORT to answer at over the network; blank: nowhere" },
	{ .name = "SKALDS_TOKENS_FILE", .type = SK_SET_PATH, .def = "", .users = LISTENERS,
	  .flag = "--tokens",
	  .doc = "file of those who may ask there; blank: `tokens` in the data directory, if any" },
	{ .name = "SKALDS_TOKENS", .type = SK_SET_SECRET, .def = "", .users = LISTENERS,
	  .doc = "others who may: NAME:read|write|admin:TOKEN, with commas between" },
	{ .name = "SKALDS_TLS_CERT", .type = SK_SET_PATH, .def = "", .users = LISTENERS,
	  .flag = "--tls-cert", .doc = "certificate (PEM) to speak HTTPS with; blank: HTTP" },
	{ .name = "SKALDS_TLS_KEY", .type = SK_SET_PATH, .def = "", .users = LISTENERS,
	  .flag = "--tls-key", .doc = "private key (PEM) of SKALDS_TLS_CERT" },
	{ .name = "SKALDS_CLIENT_CA", .type = SK_SET_PATH, .def = "", .users = LISTENERS,
	  .flag = "--client-ca", .doc = "certificates (PEM) that those of clients are checked by" },
	{ .name = "SKALDS_CORS", .type = SK_SET_TEXT, .def = "", .users = LISTENERS,
	  .flag = "--cors", .doc = "other sites whose pages may ask, with commas between" },
	{ .name = "SKALDS_ALERTS", .type = SK_SET_PATH, .def = "", .users = LISTENERS,
	  .flag = "--alerts", .doc = "file with the rules of alerts; blank: the built-in ones" },
	{ .name = "SKALDS_WEBHOOK_URL", .type = SK_SET_SECRET, .def = "", .users = LISTENERS,
	  .doc = "who is told of alerts, http:// or https://; blank: nobody" },
	{ .name = "SKALDS_WEBHOOK_SECRET", .type = SK_SET_SECRET, .def = "", .users = LISTENERS,
	  .doc = "what is told is signed with; blank: not signed" },
	{ .name = "SKALDS_WEBHOOK_SECRET_FILE", .type = SK_SET_PATH, .def = "", .users = LISTENERS,
	  .doc = "file (0600) with the secret, in place of it" },
	{ .name = "SKALDS_WEBHOOK_CA_FILE", .type = SK_SET_PATH, .def = "", .users = LISTENERS,
	  .doc = "certificates (PEM) that the receiver's is checked by; blank: the system's" },
	{ .name = "LOG_FORMAT", .type = SK_SET_ENUM, .def = "text", .choices = formats,
	  .users = SK_BY_ALL, .flag = "--log-format", .doc = "logfmt or JSON lines" },
	{ .name = "NO_COLOR", .type = SK_SET_TEXT, .def = "", .users = SK_BY_ALL, .flag = "--color",
	  .doc = "anything but blank: no colours; --color goes before it" },
	{ .name = NULL },
};
/* clang-format on */

const char *const sk_setting_services[] = { "KAFKA_HOST", "REDIS_HOST", "MONGO_HOST", NULL };

const struct sk_setting_row *
sk_setting_row(const char *name)
{
	for (const struct sk_setting_row *r = sk_setting_rows; r->name != NULL; r++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

const char *
sk_setting_type_name(enum sk_setting_type type)
{
	static const char *const names[] = {
		[SK_SET_TEXT] = "text",
		[SK_SET_INT] = "integer",
		[SK_SET_NUMBER] = "number",
		[SK_SET_BOOL] = "boolean",
		[SK_SET_ENUM] = "choice",
		[SK_SET_PATH] = "path",
		[SK_SET_DURATION] = "duration",
		[SK_SET_URI] = "uri",
		[SK_SET_SECRET] = "secret",
	};

	return names[type];
}
