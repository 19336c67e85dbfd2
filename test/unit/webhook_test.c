/* webhook_test.c - the signature; addresses that are none; a receiver that is not there. The real
 * receiver is in test/integration/alerts.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/http/webhook.h"
#include "core/base/clock.h"
#include <string.h>

/* Computed by Python's hmac. */
static void
the_signature_is_what_others_compute(void **state)
{
	char text[SK_WEBHOOK_SIGNATURE];

	(void)state;
	sk_webhook_sign("secret", 1700000000, "{\"a\":1}", 7, text);
	assert_string_equal(
		text, "t=1700000000,v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
	sk_webhook_sign("", 0, "", 0, text);
	assert_string_equal(
		text, "t=0,v1=b849d5a581847b281957065739df36df2463d1977ea8d6e1e4e6cf33fadc68c3");
}

static void
addresses_that_are_none(void **state)
{
	static const char *const urls[] = { "", "x", "ftp://h/", "http://", "http:///x", "https://a@",
		"file:///etc/passwd" };
	struct sk_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const struct sk_webhook_config cfg = {
			.url = urls[i], .secret = "", .ca_file = "", .agent = "t"
		};

		assert_null(sk_webhook_open(&cfg, &err));
		assert_int_equal(err.code, SK_EINVAL);
	}
}

/* Whoever hands over does not wait, and neither does the end. */
static void
nobody_waits_for_a_dead_receiver(void **state)
{
	const struct sk_webhook_config cfg = { .url = "http://127.0.0.1:9/secret-path?key=secret",
		.secret = "s",
		.ca_file = "",
		.agent = "t" };
	int64_t begin = sk_boot_ms();
	struct sk_webhook *w;
	struct sk_err err;

	(void)state;
	w = sk_webhook_open(&cfg, &err);
	assert_non_null(w);
	for (int i = 0; i < 2 * SK_WEBHOOK_MAX; i++)
		sk_webhook_send(w, "{}", 2);
	sk_webhook_close(w);
	assert_in_range(sk_boot_ms() - begin, 0, 3000);
	sk_webhook_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_signature_is_what_others_compute),
		cmocka_unit_test(addresses_that_are_none),
		cmocka_unit_test(nobody_waits_for_a_dead_receiver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
