#include "cmd/capacity.h"
#include "cmd/flags.h"
#include <dirent.h>
#include <string.h>
#include <unistd.h>

/* The next "key=value" of a list with commas, in place. NULL at the end; *value NULL without
 * "=". */
static char *
next_pair(char **list, char **value)
{
	char *pair = strsep(list, ",");

	*value = pair != NULL ? strchr(pair, '=') : NULL;
	if (*value != NULL)
		*(*value)++ = '\0';
	return pair;
}

static int
read_labels(const char *command, struct sk_arena *a, const char *text, struct sk_capacity *c)
{
	struct sk_value *labels = sk_value_new(a, SK_MAP);
	char *list = sk_arena_strdup(a, text), *key, *value;

	while ((key = next_pair(&list, &value)) != NULL) {
		if (key[0] == '\0' || value == NULL)
			return sk_flag_wrong(command, "labels", "NAME=VALUE,…", text);
		sk_map_set(a, labels, key, sk_value_string(a, value, strlen(value)));
	}
	c->labels = labels;
	return SK_EXIT_OK;
}

static int
read_resources(const char *command, struct sk_arena *a, const char *text, struct sk_capacity *c)
{
	char *list = sk_arena_strdup(a, text), *key, *value;

	while ((key = next_pair(&list, &value)) != NULL) {
		double v = 0;

		if (value != NULL && strcmp(key, "cpus") == 0 &&
			sk_flag_parse_number(value, 0.001, 4096, &v))
			c->cpus = v;
		else if (value != NULL && strcmp(key, "memoryMb") == 0 &&
			sk_flag_parse_number(value, 1, 16777216, &v))
			c->memory_mb = (int64_t)v;
		else if (value != NULL && strcmp(key, "gpus") == 0 &&
			sk_flag_parse_number(value, 0, 32, &v))
			c->gpus = (int64_t)v;
		else
			return sk_flag_wrong(
				command, "resources", "cpus=N,memoryMb=N,gpus=N (gpus: at most 32)", text);
	}
	return SK_EXIT_OK;
}

/* NVIDIA's devices, as the driver numbers them. */
static int64_t
count_gpus(void)
{
	DIR *d = opendir("/proc/driver/nvidia/gpus");
	const struct dirent *e;
	int64_t n = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n < 32 ? n : 32;
}

static void
detect(struct sk_capacity *c)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	c->cpus = cpus > 0 ? (double)cpus : 1;
	c->slots = cpus > 0 ? (uint32_t)cpus : 1;
	c->memory_mb = (int64_t)sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024;
	c->gpus = count_gpus();
}

int
sk_capacity_read(
	const char *command, const struct sk_args *args, struct sk_arena *a, struct sk_capacity *out)
{
	const char *labels = sk_arg(args, "labels"), *resources = sk_arg(args, "resources");
	double slots;
	int code;

	*out = (struct sk_capacity){ .slots = 1 };
	detect(out);
	slots = out->slots;
	code = sk_flag_number(command, args, "slots", 1, 100000, &slots);
	out->slots = (uint32_t)slots;
	if (code == SK_EXIT_OK && labels != NULL)
		code = read_labels(command, a, labels, out);
	if (code == SK_EXIT_OK && resources != NULL)
		code = read_resources(command, a, resources, out);
	return code;
}
