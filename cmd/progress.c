#include "cmd/progress.h"
#include "cmd/answer.h"
#include "core/base/clock.h"
#include <stdio.h>
#include <unistd.h>

#define WIDTH 20
#define FIRST_MS 300
#define EVERY_MS 100

void
sk_progress_init(struct sk_progress *p, bool quiet)
{
	*p =
		(struct sk_progress){ .on = !quiet && isatty(STDERR_FILENO) == 1, .wall_ms = sk_wall_ms() };
	sk_progress_start(p);
}

void
sk_progress_start(struct sk_progress *p)
{
	p->start_ms = sk_boot_ms();
	p->next_ms = p->start_ms + FIRST_MS;
}

static bool
is_due(struct sk_progress *p)
{
	int64_t now = p->on ? sk_boot_ms() : 0;

	if (!p->on || now < p->next_ms)
		return false;
	p->next_ms = now + EVERY_MS;
	return true;
}

static void
print(struct sk_progress *p, const struct sk_str *text)
{
	fputs(sk_str_text(text), stderr);
	fflush(stderr);
	p->drawn = true;
}

static void
add_bar(struct sk_str *s, size_t done, size_t all)
{
	double part = all > 0 ? (double)done / (double)all : 1;
	int full = (int)(part * WIDTH);

	sk_str_addf(s, "\r\033[K[%.*s%.*s] %3.0f %%  ", full, "####################", WIDTH - full,
		"....................", part * 100);
}

void
sk_progress_draw(struct sk_progress *p, const char *what, size_t done, size_t all)
{
	struct sk_str s = SK_STR_INIT;
	char a[SK_COUNT_LEN], b[SK_COUNT_LEN], left[16];
	int64_t took;
	double rate;

	if (!is_due(p))
		return;
	took = sk_boot_ms() - p->start_ms;
	rate = took > 0 ? (double)done * 1000 / (double)took : 0;
	add_bar(&s, done, all);
	sk_str_addf(
		&s, "%s of %s %s", sk_count_text((int64_t)done, a), sk_count_text((int64_t)all, b), what);
	if (rate > 0) {
		sk_age_text((int64_t)((double)(all - done) * 1000 / rate), left);
		sk_str_addf(&s, ", %s/s, %s left", sk_count_text((int64_t)rate, a), left);
	}
	print(p, &s);
	sk_str_release(&s);
}

void
sk_progress_part(struct sk_progress *p, const char *what, size_t done, size_t all)
{
	struct sk_str s = SK_STR_INIT;

	if (!is_due(p))
		return;
	add_bar(&s, done < all ? done : all, all);
	sk_str_adds(&s, what);
	print(p, &s);
	sk_str_release(&s);
}

void
sk_progress_clear(struct sk_progress *p)
{
	if (!p->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->drawn = false;
}
