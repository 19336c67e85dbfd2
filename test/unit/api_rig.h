/* api_rig.h - a controller without a dispatcher, on the store in memory, asked as a client asks. */
#ifndef SK_TEST_UNIT_API_RIG_H
#define SK_TEST_UNIT_API_RIG_H

#include "core/control/api.h"
#include "core/control/control_priv.h"

#define RIG_NOW 1700000000000

/* A store in front of the real one that can fail. */
struct failing {
	struct sk_store store;
	struct sk_store *real;
	struct sk_loop *loop;
	enum sk_code code; /* of every operation from now on; SK_OK: passes on */
	int only; /* enum sk_op_kind that fails, -1 = all */
	struct sk_op *head; /* to be completed with the code */
	struct sk_timer timer;
	size_t submitted;
	bool hold; /* the next operation is carried out, but its maker hears of it by api_release */
	struct sk_op *held;
	void (*held_done)(struct sk_op *op);
	void *held_arg;
};

struct api_rig {
	struct sk_loop *loop;
	struct sk_arena *arena;
	struct failing failing;
	struct sk_bus *bus;
	struct sk_cache *cache;
	struct sk_control *c;
	int64_t wall, boot;
	struct answer *answers;
	/* what was heard on the bus, one "word task" a line */
	struct sk_str heard;
};

/* An answer; the rig's until the end. */
struct answer {
	bool done;
	int calls; /* how often it was answered */
	int status;
	struct sk_str body;
	struct sk_str headers; /* "name: value\n" */
	const struct sk_value *json; /* NULL when it is none */
	struct sk_str stream; /* what came after the body of a stream */
	bool streams; /* it is one, and has not ended */
	bool slow; /* takes no more */
	size_t parts; /* how often more came */
	struct api_rig *rig;
	struct answer *next; /* of all */
};

/* What differs from an ordinary request. */
struct api_extra {
	const char *last_event_id, *if_match, *if_none_match, *who;
	enum sk_role role; /* SK_ROLE_NONE: admin */
	bool no_streams; /* by a door that has none */
};

/* For cmocka: *state becomes the rig; the controller is ready. */
int api_setup(void **state);
/* The same before it was started. */
int api_setup_cold(void **state);
int api_teardown(void **state);

/* Let the loop run until nothing is left to do at once. */
void api_pump(struct api_rig *r);

/* The operation that was held comes back. */
void api_release(struct api_rig *r);

/* Ask; path may have a query. NULL body: none. */
struct answer *api_begin(
	struct api_rig *r, const char *method, const char *path, const char *type, const char *body);
struct answer *api_ask(struct api_rig *r, const char *method, const char *path, const char *body);
/* With an Idempotency-Key and a content type. */
struct answer *
api_post(struct api_rig *r, const char *path, const char *type, const char *key, const char *body);

/* With headers. */
struct answer *api_ask_with(struct api_rig *r, const struct api_extra *extra, const char *method,
	const char *path, const char *body);
struct answer *api_begin_with(struct api_rig *r, const struct api_extra *extra, const char *method,
	const char *path, const char *body);
/* Read a stream: its beginning has come. */
struct answer *api_stream(struct api_rig *r, const char *path, const char *last_event_id);
/* Let the loop run until the stream has this; it fails after 5 s. */
void api_streamed(struct answer *a, const char *part);
/* The loop runs for so long. */
void api_run_ms(struct api_rig *r, int64_t ms);
/* Whoever asked goes away. */
void api_forget(struct answer *a);

/* Ask and compare the status. */
struct answer *
api_ok(struct api_rig *r, int status, const char *method, const char *path, const char *body);
/* Ask; it is refused with this status and a message (of ours: error.message) that has this part. */
void api_wrong(struct api_rig *r, int status, const char *method, const char *path,
	const char *body, const char *part);

/* A member as text: "items.0.id"; "" when it is not there; texts without quotes. */
const char *api_member(const struct answer *a, const char *path);
void api_is(const struct answer *a, const char *path, const char *want);
void api_has(const struct answer *a, const char *part);
bool api_header(const struct answer *a, const char *line);

/* ---- the store, behind the API's back ---- */

/* The stored task; NULL when there is none. */
struct sk_record *api_stored(struct api_rig *r, const char *id);
size_t api_count(struct api_rig *r);
/* Make it Running on a skald, attempt 1; end it. */
void api_run(struct api_rig *r, const char *id, const char *skald);
void api_end(struct api_rig *r, const char *id, enum sk_life_kind kind);
/* Change it as it is. */
void api_store(
	struct api_rig *r, const struct sk_record *rec, unsigned set, const struct sk_attempt *ended);
/* Put a skald's row and let the controller read it twice: it is online. */
void api_skald(struct api_rig *r, const char *id, enum sk_skald_mode mode, int64_t slots);

#endif
