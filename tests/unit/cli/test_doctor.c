/* What podmox doctor makes of a cluster's answers. */
#include <stdlib.h>
#include <string.h>

#include "cli/doctor_priv.h"
#include "fake_transport.h"
#include "pm_test.h"

#define API "/api2/json"

struct patient {
	struct pm_doctor d;
	struct pm_transport *net;
};

static const char config[] =
	"apiVersion: podmox/v1\nkind: Config\nset: home\n"
	"clusters:\n  - name: home\n    hosts: [pve1]\n"
	"    auth: {tokenId: few@pve!t, tokenSecret: 00000000-0000-0000-0000-000000000000}\n"
	"    vmids: 200-201\naudit: {file: /nowhere/audit}\njournal: {dir: /nowhere}\n";

static void answer(struct patient *p, const char *path, const char *body)
{
	struct pm_fake_rule rule = { .method = "GET", .path = path, .body = body };

	pm_fake_add(p->net, &rule);
}

static void start(struct patient *p, const char *spec)
{
	const char *dir = pm_test_dir();
	const char *file = pm_test_file(dir, "podmox.yaml", config);
	const char *pod = pm_test_file(dir, "m/web.yaml", spec);
	struct pm_pve_opts o = { .clock = &pm_clock_system, .seed = 1 };
	struct pm_client *c = &p->d.client;
	struct pm_load load = { 0 };
	struct pm_error err = { 0 };

	memset(p, 0, sizeof(*p));
	c->job.arena = p->d.arena = p->d.want.arena = pm_arena_new(0);
	c->job.clock = &pm_clock_system;
	pm_diags_init(&c->job.diags, p->d.arena);
	assert_ok(pm_config_open(file, &c->config, &c->job.diags, &err), &err);
	assert_ok(pm_manifest_load(&pod, 1, &p->d.want, &load, &c->job.diags, &err), &err);
	assert_int_equal(c->job.diags.nerrors, 0);
	p->net = pm_fake_new();
	o.cluster = c->config->cluster;
	o.config_dir = c->config->dir;
	o.transport = p->net;
	assert_ok(pm_pve_open(&o, &c->pve, &err), &err);
}

static void stop(struct patient *p)
{
	struct pm_client *c = &p->d.client;

	pm_pve_free(c->pve);
	pm_transport_free(p->net);
	pm_config_free(c->config);
	pm_set_done(&p->d.want);
	pm_vec_done(&p->d.checks);
	pm_arena_free(p->d.arena);
}

/* How many findings of that level hold the text. */
static unsigned found(const struct patient *p, enum pm_check_level level, const char *text)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->d.checks.n; i++)
		n += p->d.checks.v[i].level == level && strstr(p->d.checks.v[i].text, text) != NULL;
	return n;
}

#define POD                                                                \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: web}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"  \
	"  rootfs: {storage: fast, size: 4Gi}\n"                           \
	"  network: {interfaces: [{name: eth0, bridge: vmbr0, tag: 20}]}\n"

#define NODES                                                                                  \
	"{\"data\":[{\"type\":\"cluster\",\"name\":\"c\",\"quorate\":%s,\"nodes\":2},"         \
	"{\"type\":\"node\",\"name\":\"pve1\",\"online\":1,\"ip\":\"192.0.2.1\",\"local\":1}," \
	"{\"type\":\"node\",\"name\":\"pve2\",\"online\":0,\"ip\":\"192.0.2.2\"}]}"

PM_TEST(doctor_nodes_and_versions)
{
	char nodes[512];
	char clock[128];
	struct patient p;

	start(&p, POD "  env: {A: b}\n");
	(void)snprintf(nodes, sizeof(nodes), NODES, "0");
	(void)snprintf(clock, sizeof(clock), "{\"data\":{\"time\":%lld}}",
		(long long)pm_wall_ms(&pm_clock_system) / 1000 - 4000);
	answer(&p, API "/cluster/status", nodes);
	answer(&p, API "/nodes/pve1/version", "{\"data\":{\"version\":\"8.4.1\"}}");
	answer(&p, API "/nodes/pve1/time", clock);
	pm_doctor_cluster(&p.d);
	assert_int_equal(found(&p, PM_PROBLEM, "has none"), 1);
	assert_int_equal(found(&p, PM_PROBLEM, "it is offline"), 1);
	assert_int_equal(found(&p, PM_PROBLEM, "behind this machine's"), 1);
	assert_int_equal(found(&p, PM_FINE, "PVE 8.4.1"), 1);
	assert_int_equal(p.d.version, 804);
	assert_int_equal(found(&p, PM_PROBLEM, "env needs PVE 9.1"), 1);
	assert_int_equal(found(&p, PM_FINE, "which lacks"), 1);
	stop(&p);
}

PM_TEST(doctor_a_sound_cluster)
{
	char nodes[512];
	struct patient p;

	start(&p, POD);
	(void)snprintf(nodes, sizeof(nodes), NODES, "1");
	answer(&p, API "/cluster/status", nodes);
	answer(&p, API "/nodes/pve1/version", "{\"data\":{\"version\":\"9.2.1\"}}");
	pm_doctor_cluster(&p.d);
	assert_int_equal(found(&p, PM_FINE, "has it, with 2 nodes"), 1);
	assert_int_equal(found(&p, PM_PROBLEM, ""), 1); /* the node that is offline */
	assert_int_equal(found(&p, PM_FINE, "which lacks"), 0);
	stop(&p);
}

PM_TEST(doctor_rights_by_path)
{
	struct patient p;

	start(&p, POD "  pool: shop\n  volumes: [{path: /srv, source: /srv/data}]\n");
	p.d.version = 902;
	answer(&p, API "/access/permissions?path=%2F", "{\"data\":{\"/\":{\"Sys.Audit\":1}}}");
	answer(&p, API "/access/permissions?path=%2Fvms",
		"{\"data\":{\"/vms\":{\"VM.Allocate\":1,\"VM.Audit\":1}}}");
	answer(&p, API "/access/permissions?path=%2Fpool%2Fshop",
		"{\"data\":{\"/pool/shop\":{\"VM.PowerMgmt\":1,\"VM.Config.Options\":1,"
		"\"VM.Config.Network\":1}}}");
	answer(&p, API "/access/permissions?path=%2Fstorage%2Flocal",
		"{\"data\":{\"/storage/local\":{\"Datastore.Audit\":1}}}");
	answer(&p, API "/access/permissions*", "{\"data\":{}}");
	pm_doctor_rights(&p.d);
	assert_int_equal(found(&p, PM_PROBLEM, "misses VM.Config.Disk on /vms|/pool/shop"), 1);
	assert_int_equal(
		found(&p, PM_PROBLEM, "misses Datastore.AllocateSpace on /storage/fast"), 1);
	assert_int_equal(
		found(&p, PM_PROBLEM, "misses SDN.Use on /sdn/zones/localnetwork/vmbr0/20"), 1);
	assert_int_equal(found(&p, PM_PROBLEM, "misses"), 3);
	assert_int_equal(found(&p, PM_PROBLEM, "only for root@pam"), 1);
	stop(&p);
}

PM_TEST(doctor_rights_of_an_old_cluster)
{
	struct patient p;

	start(&p, POD "  unprivileged: false\n");
	p.d.version = 704;
	answer(&p, API "/access/permissions*", "{\"data\":{}}");
	pm_doctor_rights(&p.d);
	assert_int_equal(found(&p, PM_PROBLEM, "SDN.Use"), 0);
	assert_int_equal(found(&p, PM_PROBLEM, "Sys.Modify"), 0);
	assert_int_equal(found(&p, PM_PROBLEM, "misses VM.Allocate on /vms,"), 1);
	stop(&p);
}

/* The HA manager is the whole cluster's. */
PM_TEST(doctor_rights_of_who_hands_over_to_ha)
{
	struct patient p;

	start(&p, POD "  ha: {state: started}\n");
	p.d.version = 902;
	answer(&p, API "/access/permissions*", "{\"data\":{}}");
	pm_doctor_rights(&p.d);
	assert_int_equal(found(&p, PM_PROBLEM, "misses Sys.Console on /"), 1);
	assert_int_equal(found(&p, PM_PROBLEM, "misses Sys.Audit on /"), 1);
	stop(&p);
}

PM_TEST(doctor_numbers)
{
	struct patient p;

	start(&p, POD);
	answer(&p, API "/cluster/resources?type=vm", "{\"data\":[{\"vmid\":200},{\"vmid\":300}]}");
	pm_doctor_numbers(&p.d);
	assert_int_equal(found(&p, PM_FINE, "1 of 200-201 are free"), 1);
	stop(&p);
	start(&p, POD);
	answer(&p, API "/cluster/resources?type=vm", "{\"data\":[{\"vmid\":200},{\"vmid\":201}]}");
	pm_doctor_numbers(&p.d);
	assert_int_equal(found(&p, PM_PROBLEM, "none of 200-201 is free"), 1);
	stop(&p);
}

PM_TEST(doctor_who_is_let_in)
{
	struct pm_fake_rule no = {
		.path = API "/access/permissions", .status = 401, .reason = "invalid token"
	};
	struct patient p;

	start(&p, POD);
	answer(&p, API "/access/permissions", "{\"data\":{}}");
	assert_true(pm_doctor_who(&p.d));
	assert_int_equal(found(&p, PM_FINE, "few@pve!t, a token"), 1);
	stop(&p);
	start(&p, POD);
	pm_fake_add(p.net, &no);
	assert_false(pm_doctor_who(&p.d));
	assert_int_equal(found(&p, PM_PROBLEM, ""), 1);
	stop(&p);
}
