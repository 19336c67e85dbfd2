/* names.h - every topic, key and collection on the wire, once.
 *
 * Those of the original are skalds-protocol.md 1.2 (Redis), 2.1 (Kafka) and 3.1 (MongoDB), letter
 * by letter. Ours stand apart from its patterns (`skalds:{sid}:*`, `task:*`): a controller of the
 * original deletes `skalds:{sid}:*` of skalds that it takes for dead. */
#ifndef SK_CORE_MODEL_NAMES_H
#define SK_CORE_MODEL_NAMES_H

/* ---- Kafka ---- */

#define SK_NAME_ASSIGN "task.assign"
#define SK_NAME_CANCEL "task.cancel"
#define SK_NAME_UPDATE "task.update.attachment"
#define SK_NAME_EVENT "skalds.event" /* ours: what happened; hints for controllers and watchers */

/* ---- Redis ---- */

#define SK_KEY_SKALDS "skalds:hash" /* field {sid}: ms of its last activity, decimal */
#define SK_KEY_MODES "skalds:mode:hash" /* field {sid}: "node" or "edge" */
#define SK_KEY_SKALD_HEARTBEAT "skalds:%s:heartbeat" /* 0..199 */
#define SK_KEY_SKALD_TASKS "skalds:%s:all-task" /* JSON, snake_case (1.4) */
#define SK_KEY_SKALD_CLASSES "skalds:%s:allow-task-class-name" /* list */
#define SK_KEY_TASK_HEARTBEAT "task:%s:heartbeat" /* 0..199 alive; below: how it ended (1.3) */
#define SK_KEY_TASK_EXCEPTION "task:%s:exception"
#define SK_KEY_TASK_ERROR "task:%s:has-error"
#define SK_KEY_ENDED "skalds.ended:%s" /* ours: ms of its end, beside a final value */
#define SK_KEY_OUTPUT "skalds.output:%s:%u" /* ours: {tid}:{attempt}, the end of its output */

#define SK_BEAT_FINISHED 200
#define SK_BEAT_FAILED (-1)
#define SK_BEAT_CANCELLED (-2)
#define SK_BEAT_TTL_MS 8000 /* of a beat that shows life */
#define SK_BEAT_PERIOD_MS 1000 /* ours; the original's is 3 s (1.6: at least every 1-2 s) */

/* ---- MongoDB ---- */

#define SK_COLL_TASKS "tasks"
/* ours */
#define SK_COLL_ATTEMPTS "skalds.attempts"
#define SK_COLL_SKALDS "skalds.skalds"
#define SK_COLL_SETTINGS "skalds.settings" /* the leader's row too */
#define SK_COLL_KEYS "skalds.keys" /* unique keys of tasks that are not final */
#define SK_COLL_BATCHES "skalds.batches" /* inserts of all or none that are under way */

#endif
