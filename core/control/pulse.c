/* pulse.c - signs of life from the values under one key. */
#include "core/control/mixed.h"

bool
sk_pulse_take(struct sk_pulse *p, enum sk_beat kind, int64_t value, int64_t passed_ms, bool cleared)
{
	bool differs = p->sampled && (kind != p->kind || value != p->value);
	bool life = kind == SK_BEAT_IS_LIVE && (differs || (cleared && !p->sampled));

	p->changed = p->changed || differs;
	p->seen = p->seen || life;
	if (life)
		p->silent_ms = 0;
	else if (p->sampled)
		p->silent_ms += passed_ms;
	p->sampled = true;
	p->kind = kind;
	p->value = value;
	return life;
}

bool
sk_pulse_dead(const struct sk_pulse *p)
{
	int64_t most = p->kind == SK_BEAT_IS_LIVE ? SK_MIXED_STILL_MS : SK_MIXED_PATIENCE_MS;

	return p->silent_ms > most;
}
