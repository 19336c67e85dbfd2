#include "adapters/kafka/servers.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 253

bool
sk_kafka_is_confluent(const char *servers)
{
	return strstr(servers, "confluent.cloud") != NULL;
}

static enum sk_code
wrong(struct sk_err *err, const char *entry, size_t n, const char *why)
{
	char shown[64];
	size_t k = 0;

	for (; k < n && k < sizeof(shown) - 1; k++)
		shown[k] = isprint((unsigned char)entry[k]) ? entry[k] : '?';
	shown[k] = '\0';
	return sk_fail(err, SK_EINVAL, "\"%s\" is no Kafka server: %s", shown, why);
}

static bool
port_of(const char *p, size_t n, unsigned long *port)
{
	*port = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9' || n > 5)
			return false;
		*port = *port * 10 + (unsigned long)(p[i] - '0');
	}
	return n > 0 && *port >= 1 && *port <= 65535;
}

static bool
is_name(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)p[i]) && strchr(".-_", p[i]) == NULL)
			return false;
	return n > 0 && n <= HOST_MAX;
}

static bool
is_v6(const char *p, size_t n)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

/* One entry without blanks around it. */
static enum sk_code
add_server(const char *p, size_t n, unsigned long port, struct sk_str *out, struct sk_err *err)
{
	const char *host = p, *end = p + n, *colon;
	size_t host_len;
	bool v6 = true;

	if (memchr(p, '/', n) != NULL)
		return wrong(err, p, n, "give host:port alone, the protocol is a setting of its own");
	if (*p == '[') {
		const char *close = memchr(p, ']', n);

		host = p + 1;
		host_len = close != NULL ? (size_t)(close - host) : 0;
		colon = close != NULL ? close + 1 : end;
	} else if (is_v6(p, n)) {
		host_len = n;
		colon = end;
	} else {
		colon = memchr(p, ':', n);
		colon = colon != NULL ? colon : end;
		host_len = (size_t)(colon - p);
		v6 = false;
	}
	if (v6 ? !is_v6(host, host_len) : !is_name(host, host_len))
		return wrong(err, p, n,
			v6 ? "between brackets belongs an IPv6 address"
			   : "a host has letters, digits, '.', '-', '_'; IPv6 addresses stand in brackets");
	if (colon < end && (*colon != ':' || !port_of(colon + 1, (size_t)(end - colon - 1), &port)))
		return wrong(err, p, n, "a port is a number from 1 to 65535");
	sk_str_addf(out, v6 ? "[%.*s]:%lu" : "%.*s:%lu", (int)host_len, host, port);
	return SK_OK;
}

enum sk_code
sk_kafka_servers(const char *text, uint16_t default_port, struct sk_str *out, struct sk_err *err)
{
	const char *p = text;
	enum sk_code code = SK_OK;

	while (code == SK_OK) {
		size_t n = strcspn(p, ","), from = 0, len = n;

		while (from < n && isspace((unsigned char)p[from]))
			from++;
		while (len > from && isspace((unsigned char)p[len - 1]))
			len--;
		if (len == from)
			return sk_fail(err, SK_EINVAL, "a Kafka server is missing%s",
				*text == '\0' ? "" : " between two commas or at an end of the list");
		if (p != text)
			sk_str_addc(out, ',');
		code = add_server(p + from, len - from, default_port, out, err);
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	return code;
}
