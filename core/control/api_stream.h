/* api_stream.h - who reads a stream of events, whichever it is: api_stream.c begins and ends them
 * and keeps them alive; api_stream_events.c and api_original_stream.c have something to tell. */
#ifndef SK_CORE_CONTROL_API_STREAM_H
#define SK_CORE_CONTROL_API_STREAM_H

#include "core/control/api_priv.h"
#include "core/control/sse.h"

struct sk_stream;

/* Those who read the same. */
struct sk_readers {
	struct sk_stream *first;
	struct sk_stream *next; /* whom sk_readers_each calls next; NULL else */
	size_t n;
};

/* Somebody who reads. In the arena of its call, zeroed. */
struct sk_stream {
	struct sk_call *call;
	struct sk_readers *of;
	struct sk_stream *prev, *next;
	struct sk_sse_filter filter;
	uint64_t at; /* /v1/stream: the number of the event that it gets next; 0 = another stream */
	int64_t pace_ms; /* boot clock: not before; /v1/stream's, while it lags behind */
	bool fresh; /* it has not got what there was when it came */
	struct sk_timer timer; /* the test stream's */
	int64_t count;
};

/* All that the API has of streams. */
struct sk_streams {
	struct sk_control *c;
	struct sk_readers events, skalds, tasks, tests;
	struct sk_timer ping;
	struct sk_feed *feed; /* api_stream_events.c's; NULL while nobody reads */
	struct sk_board *board; /* api_original_stream.c's; likewise */
	struct sk_str scratch;
};

struct sk_streams *sk_streams_new(struct sk_control *c);
/* End every stream. */
void sk_streams_end(struct sk_streams *s);
/* Nobody reads any more. NULL is allowed. */
void sk_streams_free(struct sk_streams *s);
/* How many read. */
size_t sk_streams_count(const struct sk_streams *s);

/* Begin to answer with call->out. False: nobody wants it, the stream is gone. */
bool sk_stream_begin(struct sk_stream *s, struct sk_readers *of) SK_CHECKED;
/* False: it is gone. */
bool sk_stream_send(struct sk_stream *s, const char *bytes, size_t n) SK_CHECKED;
/* Call fn for each; it may send and so lose the stream, or others. Not nested for one list. */
void sk_readers_each(struct sk_readers *r,
	void (*fn)(struct sk_control *c, struct sk_stream *s, void *arg), void *arg);

/* The number behind `id: ` of a ring's event. */
void sk_stream_id(struct sk_control *c, struct sk_str *out, uint64_t number);

/* NULL is allowed. */
void sk_feed_free(struct sk_feed *feed);
void sk_board_free(struct sk_board *board);

#endif
