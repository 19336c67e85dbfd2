/* leader.h - which of several controllers on one store dispatches, watches over the skalds,
 * reconciles and removes: the holder of the leader's row (SK_OP_LEAD in core/ports.h).
 *
 * With a lease of L (sk_control_config.lead_ms, else lease_ms), all on the boot clock:
 *
 *	holder     renews every L/3. It leads until the sending of its last stored renewal + L - 1 s (a
 *	           tenth of L where that is less), or until the store says another term.
 *	candidate  reads the row every L/20, at most every 500 ms. When its renewals have stood still
 *	           for L (silence counts from look to look, a pause of our own for no more than L/3), it
 *	           takes it, if it is still as it was seen. A row that was left is taken at once.
 *
 * So nobody takes the lead before the last one's trust is over: the renewal that was seen first was
 * sent before it was seen, and what is renewed meanwhile is not taken. A holder that stood still
 * (SIGSTOP, a suspended machine) finds its time over by its clock, before it does anything.
 *
 * A holder is a name and something random: two starts of one name are two holders. */
#ifndef SK_CORE_CONTROL_LEADER_H
#define SK_CORE_CONTROL_LEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_control;
struct sk_leader;

/* Room for a holder with its NUL; longer names are cut. */
#define SK_LEADER_TEXT 128

struct sk_leader *sk_leader_new(struct sk_control *c);
/* Operations that are under way speak of it: close the store before. NULL is allowed. */
void sk_leader_free(struct sk_leader *l);
/* Begin to look. sk_control_gained is called when the lead is ours, sk_control_lost when not any
 * more (control.c). */
void sk_leader_start(struct sk_leader *l);
/* Not ours from now on; in the store it is left to whoever wants it. */
void sk_leader_leave(struct sk_leader *l);
/* Nothing is under way that sk_leader_leave began. */
bool sk_leader_left(const struct sk_leader *l);

/* It is ours at this very moment. */
bool sk_leader_holds(const struct sk_leader *l);
/* Until when, on the controller's boot clock; 1 when it is not ours. */
int64_t sk_leader_until_ms(const struct sk_leader *l);
/* The row as it was last seen: name and term ("" and 0: nobody). */
void sk_leader_seen(const struct sk_leader *l, char name[SK_LEADER_TEXT], uint64_t *term);
/* The name in the text of a holder. */
void sk_leader_name(const char *holder, char name[SK_LEADER_TEXT]);
/* What we are called in the row, and wherever our own word must be known again. */
const char *sk_leader_self(const struct sk_leader *l);

/* What its timers do and when, for tests whose clock is not the loop's. */
void sk_leader_tick(struct sk_leader *l);
int64_t sk_leader_next_ms(const struct sk_leader *l);

#endif
