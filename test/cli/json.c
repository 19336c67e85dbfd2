/* json.c - prints the value at a path of the JSON text on standard input ("items.0.name"; "" is the
 * whole, "items.#" the length). Exit 1 when the text is not exactly one JSON value or has no such
 * member. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	json_error_t error;
	json_t *root = json_loadf(stdin, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error), *v = root;
	char *save = NULL, *path = argc > 1 ? argv[1] : argv[0] + strlen(argv[0]);

	if (root == NULL) {
		fprintf(stderr, "no JSON: %s at %d:%d\n", error.text, error.line, error.column);
		return 1;
	}
	for (char *p = strtok_r(path, ".", &save); p != NULL && v != NULL;
		 p = strtok_r(NULL, ".", &save)) {
		if (strcmp(p, "#") == 0) {
			printf("%zu\n", json_is_array(v) ? json_array_size(v) : json_object_size(v));
			json_decref(root);
			return 0;
		}
		v = json_is_array(v) ? json_array_get(v, (size_t)atoi(p)) : json_object_get(v, p);
	}
	if (v == NULL)
		return 1;
	if (json_is_string(v))
		puts(json_string_value(v));
	else {
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

		puts(text);
		free(text);
	}
	json_decref(root);
	return 0;
}
