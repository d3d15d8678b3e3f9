/* Lists all guests of a cluster, and what one of its nodes says of itself.
 *
 *   cc list-guests.c $(pkg-config --cflags --libs podmox) -o list-guests
 *   PVE_PASSWORD=... ./list-guests 10.0.0.1:8006 root@pam [CA.pem]
 */
#include <podmox/podmox.h>

#include <stdio.h>
#include <stdlib.h>

static int fail(podmox_error *err)
{
	fprintf(stderr, "%s: %s\n", podmox_code_name(podmox_error_code(err)),
		podmox_error_message(err));
	podmox_error_free(err);
	return 1;
}

static void print_guests(const podmox_value *list, const char *kind)
{
	size_t i;

	for (i = 0; i < podmox_value_size(list); i++) {
		const podmox_value *g = podmox_value_at(list, i);

		printf("%-3s %6ld %-20s %-8s %s\n", kind, (long)podmox_value_get_int(g, "vmid", 0),
			podmox_value_get_text(g, "name", "-"),
			podmox_value_get_text(g, "status", "?"),
			podmox_value_get_text(g, "node", "?"));
	}
}

static int list(podmox_client *c, podmox_guest_type type, const char *kind, podmox_error **err)
{
	podmox_guest all = { PODMOX_CT, 0 };
	podmox_value *guests;

	all.type = type;
	if (podmox_guest_list(c, all, NULL, &guests, err) < 0)
		return -1;
	print_guests(guests, kind);
	podmox_value_free(guests);
	return 0;
}

int main(int argc, char **argv)
{
	podmox_client_options o = PODMOX_CLIENT_OPTIONS_INIT;
	podmox_client_stats stats;
	podmox_value *version;
	podmox_client *c;
	podmox_error *err;
	const char *host;
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: PVE_PASSWORD=... %s HOST USER@REALM [CA.pem]\n", argv[0]);
		return 64;
	}
	host = argv[1];
	o.hosts = &host;
	o.nhosts = 1;
	o.username = argv[2];
	o.password = getenv("PVE_PASSWORD");
	o.ca_file = argc > 3 ? argv[3] : NULL;
	if (podmox_client_open(&o, &c, &err) < 0)
		return fail(err);
	r = podmox_cluster_version(c, &version, &err);
	if (r == 0) {
		printf("Proxmox VE %s, podmox %s\n", podmox_value_get_text(version, "version", "?"),
			podmox_version());
		podmox_value_free(version);
		r = list(c, PODMOX_CT, "ct", &err);
	}
	if (r == 0)
		r = list(c, PODMOX_VM, "vm", &err);
	if (r == 0) {
		stats.size = sizeof(stats);
		podmox_client_get_stats(c, &stats);
		printf("%lu requests\n", (unsigned long)stats.requests);
	}
	podmox_client_close(c);
	return r < 0 ? fail(err) : 0;
}
