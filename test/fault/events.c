/* events.c - picks events out of JSON Lines.
 *
 *	events FILE [PATH=VALUE…] -- PATH…
 *
 * For every line of which all PATH=VALUE hold, prints the values of the PATHs behind "--",
 * separated by tabs ("-" where there is none). A path is "exit.reason". A line that is not one
 * JSON object is an error (exit 1, the line on stderr): that stdout carries JSON alone is part of
 * what is tested. A last line without its newline is one that is still being written: left out.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *
at_path(const json_t *v, const char *path, size_t n)
{
	const char *dot = memchr(path, '.', n);
	size_t first = dot ? (size_t)(dot - path) : n;
	char key[128];
	if (first >= sizeof key)
		return NULL;
	memcpy(key, path, first);
	key[first] = 0;
	const json_t *child = json_object_get(v, key);
	return dot ? at_path(child, dot + 1, n - first - 1) : child;
}

static const char *
as_text(const json_t *v, char *buf, size_t cap)
{
	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_integer(v))
		snprintf(buf, cap, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, cap, "%g", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, cap, "%s", json_is_true(v) ? "true" : "false");
	else
		snprintf(buf, cap, "-");
	return buf;
}

static bool
matches(const json_t *v, const char *filter)
{
	const char *eq = strchr(filter, '=');
	char buf[64];
	if (!eq)
		return false;
	return strcmp(as_text(at_path(v, filter, (size_t)(eq - filter)), buf, sizeof buf), eq + 1) == 0;
}

static void
print_paths(const json_t *v, char *const *paths)
{
	char buf[64];
	for (int i = 0; paths[i]; i++)
		printf("%s%s", i ? "\t" : "",
			as_text(at_path(v, paths[i], strlen(paths[i])), buf, sizeof buf));
	putchar('\n');
}

int
main(int argc, char **argv)
{
	int split = 2;
	while (split < argc && strcmp(argv[split], "--") != 0)
		split++;
	if (argc < 4 || split >= argc - 1) {
		fputs("usage: events FILE [PATH=VALUE...] -- PATH...\n", stderr);
		return 2;
	}
	FILE *f = fopen(argv[1], "r");
	if (!f) {
		perror(argv[1]);
		return 2;
	}
	char *line = NULL;
	size_t cap = 0;
	int bad = 0;
	for (ssize_t n; (n = getline(&line, &cap, f)) > 0 && line[n - 1] == '\n';) {
		json_t *v = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, NULL);
		if (!json_is_object(v)) {
			fprintf(stderr, "not a JSON object: %s", line);
			bad = 1;
		}
		bool hit = json_is_object(v);
		for (int i = 2; i < split && hit; i++)
			hit = matches(v, argv[i]);
		if (hit)
			print_paths(v, argv + split + 1);
		json_decref(v);
	}
	free(line);
	fclose(f);
	return bad;
}
