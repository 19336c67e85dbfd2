/* bus_priv.h - what the parts of the Kafka bus share. All of it belongs to the loop. */
#ifndef SK_ADAPTERS_KAFKA_BUS_PRIV_H
#define SK_ADAPTERS_KAFKA_BUS_PRIV_H

#include "adapters/kafka/client.h"
#include "adapters/kafka/message.h"
#include "core/base/log.h"

/* A sentence that could come again and again: said once a minute, with how many were not said. */
struct kafka_limit {
	int64_t next_ms;
	uint64_t muted;
};

struct kafka_topic {
	enum sk_topic topic;
	bool wanted; /* somebody has subscribed */
	/* How many partitions it had when it was last looked at since it is wanted; 0: it was not
	 * there, -1: there was no look yet. What has come since is read from its beginning. */
	int32_t seen;
	bool gone; /* not there at the last look */
	bool denied; /* we may not see it */
	int64_t id[2]; /* tells a topic from another one that took its name; 0 = not known */
	int32_t n_parts;
	int64_t *next; /* n_parts: the next offset to read, -1 = not known */
	bool *started; /* n_parts: it is being read */
	rd_kafka_topic_t *out, *in; /* the producer's and the consumer's */
};

enum kafka_look { LOOK_IDLE, LOOK_TOPICS, LOOK_CLUSTER, LOOK_CREATE, LOOK_ENDS };

struct kafka_subscriber {
	sk_bus_fn *fn; /* NULL: gone, its place is taken away after the round */
	void *arg;
	unsigned topics;
};

struct kafka_bus {
	struct sk_bus bus;
	struct sk_bus_kafka_config cfg; /* its texts are in texts */
	struct sk_arena *texts;
	int wake; /* eventfd: something is in a queue */
	struct sk_watch *watch;
	struct sk_timer again, renew;
	struct kafka_topic topics[SK_N_TOPIC];
	struct sk_bus_kafka_state state;
	uint32_t random;

	struct sk_kafka_client producer; /* also asks what topics there are */
	bool plain; /* without idempotence: we may not, or the broker cannot */
	struct sk_str value;

	struct sk_kafka_client consumer;
	rd_kafka_queue_t *records;
	struct sk_arena *arena; /* of one record */
	struct kafka_subscriber *subs;
	size_t n_subs, cap_subs;
	bool delivering, someone_left;

	struct sk_timer look;
	enum kafka_look looking;
	bool look_again; /* once more, as soon as this look is over */
	unsigned look_fails;
	bool said_replicas;
	bool has_another_id; /* topics had vanished, and the producer is a new one since */

	struct sk_timer suspect; /* armed: something failed, and nothing was heard since */
	bool away; /* and it was said */
	int64_t away_since_ms;
	uint64_t away_failed; /* state.failed + state.dropped by then */
	char trouble[200]; /* the last error of a connection */
	char denied[200]; /* what we are not allowed to do; "" = nothing */
	struct kafka_limit say_lost, say_malformed, say_error, say_log;
};

/* Deletes nothing of the topics' state; all are called on the loop. */
bool kafka_producer_open(struct kafka_bus *b, struct sk_err *err);
void kafka_producer_end(struct kafka_bus *b, int64_t wait_ms);
enum sk_code
kafka_producer_send(struct kafka_bus *b, enum sk_topic topic, const struct sk_event *e);
/* Handles events of the queue; true: there may be more. */
bool kafka_producer_serve(struct kafka_bus *b);
/* Waits until nothing is on its way, at most so long. */
void kafka_producer_flush(struct kafka_bus *b, int64_t ms);

bool kafka_consumer_open(struct kafka_bus *b, struct sk_err *err);
void kafka_consumer_end(struct kafka_bus *b, int64_t wait_ms);
/* Reads every wanted partition whose offset is known. */
void kafka_consumer_start(struct kafka_bus *b);
bool kafka_consumer_serve(struct kafka_bus *b);
/* To the subscribers. */
void kafka_hand_out(struct kafka_bus *b, enum sk_topic topic, const struct sk_event *e);

/* See what topics and partitions there are; make what is missing, read what is new. */
void kafka_look(struct kafka_bus *b);
void kafka_look_soon(struct kafka_bus *b);
void kafka_look_due(void *bus);
/* The answer to one of its questions. */
void kafka_look_answer(struct kafka_bus *b, rd_kafka_event_t *ev);
/* The handle that was asked is gone. */
void kafka_look_forget(struct kafka_bus *b);

/* A broker has answered. */
void kafka_heard(struct kafka_bus *b);
void kafka_trouble(struct kafka_bus *b, rd_kafka_resp_err_t code, const char *text);
void kafka_suspect_due(void *bus);
/* Error and log events of either handle. */
void kafka_error(struct kafka_bus *b, rd_kafka_event_t *ev);
void kafka_log(struct kafka_bus *b, rd_kafka_event_t *ev);
/* In the log, unless the limit forbids. */
void kafka_say(struct kafka_bus *b, struct kafka_limit *l, enum sk_level level, const char *fmt,
	...) SK_PRINTF(4, 5);
/* ms, more or less. */
int64_t kafka_about(struct kafka_bus *b, int64_t ms);

#endif
