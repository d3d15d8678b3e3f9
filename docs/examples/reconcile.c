/* Plans a directory of manifests, prints the plan, applies it, and plans again.
 *
 *   cc reconcile.c $(pkg-config --cflags --libs podmox) -o reconcile
 *   ./reconcile podmox.yaml manifests
 */
#include <podmox/podmox.h>

#include <stdio.h>

static void print_event(void *arg, const podmox_event *e)
{
	(void)arg;
	printf("%-8s %s/%s %s\n", e->type, e->name_space, e->name, e->text);
}

static int fail(podmox_error *err)
{
	fprintf(stderr, "%s\n", podmox_error_message(err));
	podmox_error_free(err);
	return 1;
}

int main(int argc, char **argv)
{
	podmox_plan_options o = PODMOX_PLAN_OPTIONS_INIT;
	podmox_plan *plan;
	podmox_error *err;
	const char *path;
	int pending, r;

	if (argc != 3) {
		fprintf(stderr, "usage: %s podmox.yaml DIRECTORY\n", argv[0]);
		return 64;
	}
	path = argv[2];
	o.config_file = argv[1];
	o.paths = &path;
	o.npaths = 1;
	if (podmox_plan_make(&o, &plan, &err) < 0)
		return fail(err);
	printf("%s", podmox_plan_text(plan));
	r = podmox_plan_apply(plan, print_event, NULL, NULL, &err);
	podmox_plan_free(plan);
	if (r < 0)
		return fail(err);

	if (podmox_plan_make(&o, &plan, &err) < 0)
		return fail(err);
	pending = podmox_plan_pending(plan);
	printf("%s", podmox_plan_text(plan));
	podmox_plan_free(plan);
	return pending ? 2 : 0;
}
