/* version.c - `skalds version`: which build this is and what is linked into it. */
#include "adapters/versions.h"
#include "cmd/options.h"

static const struct sk_opt options[] = {
	{ .name = "verbose", .doc = "also the compiler and every library, asked by calling it" },
	{ .name = NULL },
};

/* A library that does not answer is a broken build: said, and in the exit code. */
static int
add_libraries_json(struct sk_str *out)
{
	int code = SK_EXIT_OK;

	sk_json_kstr(out, "compiler", sk_version_compiler());
	sk_json_key(out, "libraries");
	sk_str_addc(out, '{');
	for (const struct sk_library *l = sk_libraries; l->name != NULL; l++) {
		const char *version = l->version();

		sk_json_kstr(out, l->name, version);
		if (version == NULL)
			code = SK_EXIT_SYSTEM;
	}
	sk_str_addc(out, '}');
	return code;
}

static int
add_libraries_text(struct sk_str *out)
{
	int code = SK_EXIT_OK;

	sk_str_addf(out, "%-16s%s\n", "compiler", sk_version_compiler());
	for (const struct sk_library *l = sk_libraries; l->name != NULL; l++) {
		const char *version = l->version();

		sk_str_addf(out, "%-16s%-16s%s\n", l->name, version != NULL ? version : "broken", l->use);
		if (version == NULL)
			code = SK_EXIT_SYSTEM;
	}
	return code;
}

static int
version_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct sk_str out = SK_STR_INIT;
	bool verbose = sk_arg_set(args, "verbose");
	int code = SK_EXIT_OK;

	(void)settings;
	if (args->json) {
		sk_str_addc(&out, '{');
		sk_json_kstr(&out, "name", "skalds");
		sk_json_kstr(&out, "version", sk_version());
		if (verbose)
			code = add_libraries_json(&out);
		sk_str_adds(&out, "}\n");
	} else {
		sk_str_addf(&out, "skalds %s\n", sk_version());
		if (verbose)
			code = add_libraries_text(&out);
	}
	sk_out(&out);
	sk_str_release(&out);
	return code;
}

const struct sk_cmd sk_cmd_version = {
	.name = "version",
	.summary = "print the version",
	.usage = "[--verbose]",
	.help = "With --verbose every linked library is called and named with its version.\n",
	.options = options,
	.run = version_run,
};
