/* Creates a container, shows the log of the task while it runs, starts it, takes a snapshot, tries what PVE
 * refuses and reads why, stops it and deletes it.
 *
 *   cc life-of-a-container.c $(pkg-config --cflags --libs podmox) -o life-of-a-container
 *   ./life-of-a-container podmox.yaml pve1 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst local-lvm
 */
#include <podmox/podmox.h>

#include <stdio.h>

static void print_line(void *arg, const char *line)
{
	printf("  %s: %s\n", (const char *)arg, line);
}

static int fail(const char *what, podmox_error *err)
{
	size_t i;

	fprintf(stderr, "%s: %s\n", what, podmox_error_message(err));
	for (i = 0; i < podmox_error_nparams(err); i++)
		fprintf(stderr, "  %s: %s\n", podmox_error_param(err, i),
			podmox_error_param_text(err, i));
	podmox_error_free(err);
	return 1;
}

static int create(podmox_client *c, char **argv, podmox_guest *ret, podmox_error **err)
{
	char rootfs[128], label[] = "create";
	podmox_param params[] = { { "node", argv[2] }, { "ostemplate", argv[3] },
		{ "rootfs", rootfs }, { "hostname", "example" }, { "memory", "256" },
		{ "unprivileged", "1" }, { NULL, NULL } };
	podmox_guest none = { PODMOX_CT, 0 };
	podmox_task *task;
	int r;

	snprintf(rootfs, sizeof(rootfs), "%s:1", argv[4]);
	r = podmox_guest_create(c, none, params, &task, err);
	if (r < 0)
		return r;
	r = podmox_task_wait(c, task, print_line, label, err);
	ret->type = PODMOX_CT;
	ret->vmid = podmox_task_vmid(task);
	podmox_task_free(task);
	return r;
}

static int use(podmox_client *c, podmox_guest ct, podmox_error **err)
{
	podmox_param snapshot[] = { { "snapname", "first" }, { NULL, NULL } };
	podmox_param wrong[] = { { "memory", "1" }, { NULL, NULL } };
	podmox_param right[] = { { "memory", "512" }, { NULL, NULL } };
	podmox_error *refused;
	int r;

	/* With NULL in place of the task, a call waits for its end. */
	r = podmox_guest_start(c, ct, NULL, NULL, err);
	if (r == 0)
		r = podmox_guest_snapshot(c, ct, snapshot, NULL, err);
	if (r < 0)
		return r;
	if (podmox_guest_set(c, ct, wrong, NULL, &refused) == -PODMOX_E_INVALID)
		(void)fail("refused, as it should be", refused);
	r = podmox_guest_set(c, ct, right, NULL, err);
	if (r == 0)
		r = podmox_guest_delsnapshot(c, ct, snapshot, NULL, err);
	if (r == 0)
		r = podmox_guest_stop(c, ct, NULL, NULL, err);
	return r;
}

int main(int argc, char **argv)
{
	podmox_param purge[] = { { "purge", "1" }, { NULL, NULL } };
	podmox_client *c;
	podmox_error *err;
	podmox_guest ct;
	int r;

	if (argc != 5) {
		fprintf(stderr, "usage: %s podmox.yaml NODE TEMPLATE STORAGE\n", argv[0]);
		return 64;
	}
	if (podmox_client_open_file(argv[1], &c, &err) < 0)
		return fail("opening", err);
	r = create(c, argv, &ct, &err);
	if (r == 0) {
		printf("container %u is there\n", ct.vmid);
		r = use(c, ct, &err);
	}
	if (r == 0)
		r = podmox_guest_delete(c, ct, purge, NULL, &err);
	if (r == 0)
		printf("container %u is gone\n", ct.vmid);
	podmox_client_close(c);
	return r < 0 ? fail("failed", err) : 0;
}
