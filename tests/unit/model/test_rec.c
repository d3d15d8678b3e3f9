/* Tests of model/rec.c: property strings in and out, and changes put into what was observed. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "model_test.h"

static void rec_fails(const struct pm_kind *k, const char *text, const char *part)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = NULL;
	struct pm_error err;

	assert_err(pm_rec_parse(a, k, text, strlen(text), &r, &err), PM_E_INPUT, &err, part);
	assert_null(r);
}

PM_TEST(rec_net)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = rec_of(a, &pm_kind_net,
		"ip=10.9.9.101/24,bridge=vmbr0,firewall=on,name=eth0,hwaddr=bc:24:11:00:01:01,trunks=6;7,"
		"type=veth,rate=10,color=red");

	assert_string_equal(pm_rec_ident(r), "eth0");
	assert_true(pm_rec_bool(r, PM_NET_FIREWALL, false));
	assert_int_equal(pm_rec_int(r, PM_NET_RATE, 0), 10000);
	assert_int_equal(r->val[PM_NET_TRUNKS].u.list->n, 2);
	rec_prints(r,
		"name=eth0,bridge=vmbr0,firewall=1,hwaddr=bc:24:11:00:01:01,ip=10.9.9.101/24,rate=10,"
		"trunks=6;7,type=veth");
}

PM_TEST(rec_grammar)
{
	rec_fails(&pm_kind_net, "eth0,bridge=vmbr0", "'eth0' has no key");
	rec_fails(&pm_kind_net, "name=eth0,name=eth1", "twice");
	rec_fails(&pm_kind_net, "name=", "no key=value");
	rec_fails(&pm_kind_net, "=x", "no key=value");
	rec_fails(&pm_kind_rootfs, "local:1,local:2", "twice");
	rec_fails(&pm_kind_rootfs, "local:1,volume=local:2", "twice");
}

PM_TEST(rec_value_of_another_type_stays_raw)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have = rec_of(a, &pm_kind_net, "name=eth0,mtu=big");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_net);

	assert_int_equal(have->val[PM_NET_MTU].state, PM_UNSET);
	rec_set(a, want, "mtu", "1400");
	rec_merges(want, have, NULL, "name=eth0,mtu=1400");
}

PM_TEST(rec_startup_order_may_stand_bare)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);

	rec_prints(rec_of(a, &pm_kind_startup, "2,up=10,down=20"), "order=2,down=20,up=10");
	rec_prints(rec_of(a, &pm_kind_startup, "order=2"), "order=2");
}

PM_TEST(rec_volume_says_where_it_lies)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = rec_of(a, &pm_kind_rootfs, "local-lvm:vm-101-disk-0,size=2560M");

	assert_string_equal(pm_rec_str(r, PM_ROOTFS_STORAGE, ""), "local-lvm");
	assert_int_equal(pm_rec_int(r, PM_ROOTFS_SIZE, 0), 2560 * PM_MIB);
	rec_prints(r, "local-lvm:vm-101-disk-0,size=2560M");
	r = rec_of(a, &pm_kind_volume, "/srv//media/,mp=/mnt/srv/,ro=1");
	assert_string_equal(pm_rec_str(r, PM_VOLUME_SOURCE, ""), "/srv/media");
	assert_string_equal(pm_rec_ident(r), "/mnt/srv");
	assert_int_equal(r->val[PM_VOLUME_VOLUME].state, PM_UNSET);
	rec_prints(r, "/srv/media,mp=/mnt/srv,ro=1");
}

/* So it stands in a change that waits for a restart. */
PM_TEST(rec_volume_that_is_not_made_yet_has_its_size)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_rec *r = rec_of(a, &pm_kind_volume, "local-lvm:1.5,mp=/a");

	/* What is no storage's name stays a volume, and is printed so that it is read as the same. */
	rec_prints(rec_of(a, &pm_kind_volume, "volume=data=nf1:65536"), "volume=data=nf1:65536");

	assert_string_equal(pm_rec_str(r, PM_VOLUME_STORAGE, ""), "local-lvm");
	assert_int_equal(pm_rec_int(r, PM_VOLUME_SIZE, 0), 1536 * PM_MIB);
	r = rec_of(a, &pm_kind_volume, "local-lvm:8,mp=/a,size=4G");
	assert_int_equal(pm_rec_int(r, PM_VOLUME_SIZE, 0), 4 * PM_GIB);
	r = rec_of(a, &pm_kind_volume, "local-lvm:8x,mp=/a");
	assert_int_equal(pm_rec_int(r, PM_VOLUME_SIZE, 0), 0);
}

PM_TEST(rec_merge_leaves_alone_what_says_the_default)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_rec *have =
		rec_of(a, &pm_kind_rootfs, "local:1/x.raw,ro=1,shared=0,size=1G");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_rootfs);

	rec_set(a, want, "shared", NULL);
	rec_merges(want, have, NULL, have->raw);
	rec_set(a, want, "ro", NULL);
	rec_merges(want, have, NULL, "local:1/x.raw,shared=0,size=1G");
}

/* PVE grows what is in force; a change that waits has the size of before. */
PM_TEST(rec_that_waits_takes_the_size_in_force)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = rec_of(a, &pm_kind_rootfs, "local:1/x.raw,ro=1,size=1G");

	assert_false(pm_rec_take_size(a, r, "local:1/x.raw,size=1024M"));
	assert_false(pm_rec_take_size(a, r, "local:1/y.raw,size=3G"));
	assert_true(pm_rec_take_size(a, r, "local:1/x.raw,size=3G"));
	assert_int_equal(pm_rec_int(r, PM_ROOTFS_SIZE, 0), 3 * PM_GIB);
	assert_string_equal(r->raw, "local:1/x.raw,ro=1,size=3G");
}

PM_TEST(rec_new_volume_is_written_in_gib)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = pm_rec_new(a, &pm_kind_volume);

	rec_set(a, r, "path", "/data");
	rec_set(a, r, "storage", "local-lvm");
	rec_set(a, r, "backup", "true");
	rec_set(a, r, "size", "8Gi");
	rec_prints(r, "local-lvm:8,mp=/data,backup=1");
	rec_set(a, r, "size", "1.5Gi");
	rec_prints(r, "local-lvm:1.5,mp=/data,backup=1");
	rec_set(a, r, "size", "1Mi");
	rec_prints(r, "local-lvm:0.0009765625,mp=/data,backup=1");
	rec_set(a, r, "source", "/tank");
	rec_prints(r, "/tank,mp=/data,backup=1,size=1M");
}

PM_TEST(rec_merge_keeps_what_was_observed)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have = rec_of(a, &pm_kind_net,
		"name=eth0,bridge=vmbr0,color=red,hwaddr=BC:24:11:00:01:01,tag=20,type=veth");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_net);

	rec_set(a, want, "name", "eth0");
	rec_set(a, want, "bridge", "vmbr0");
	rec_set(a, want, "hwaddr", "bc:24:11:00:01:01");
	rec_set(a, want, "firewall", "false");
	rec_merges(want, have, NULL, have->raw);
	rec_set(a, want, "tag", "30");
	rec_set(a, want, "mtu", "1400");
	rec_merges(want, have, NULL,
		"name=eth0,bridge=vmbr0,color=red,hwaddr=BC:24:11:00:01:01,tag=30,type=veth,mtu=1400");
	rec_set(a, want, "tag", NULL);
	want->val[PM_NET_MTU].state = PM_UNSET;
	rec_merges(want, have, (const char *[]){ "color", NULL },
		"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,type=veth");
}

PM_TEST(rec_merge_never_touches_a_volume)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have =
		rec_of(a, &pm_kind_rootfs, "volume=local:101/vm-101-disk-0.raw,size=2G");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_rootfs);

	rec_set(a, want, "storage", "other");
	rec_set(a, want, "size", "9Gi");
	rec_merges(want, have, NULL, have->raw);
	rec_set(a, want, "quota", "true");
	rec_merges(want, have, NULL, "volume=local:101/vm-101-disk-0.raw,size=2G,quota=1");
}

PM_TEST(rec_merge_may_turn_a_volume_into_a_bind_mount_and_back)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have = rec_of(a, &pm_kind_volume, "local:vm-1-disk-1,mp=/data,size=1G,ro=1");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_volume);

	rec_set(a, want, "path", "/data");
	rec_set(a, want, "source", "/tank");
	rec_merges(want, have, NULL, "/tank,mp=/data,ro=1");
	have = rec_of(a, &pm_kind_volume, "/tank,mp=/data,ro=1");
	rec_merges(want, have, NULL, "/tank,mp=/data,ro=1");
	want->val[PM_VOLUME_SOURCE].state = PM_UNSET;
	rec_set(a, want, "storage", "local");
	rec_set(a, want, "size", "2Gi");
	rec_merges(want, have, NULL, "local:2,mp=/data,ro=1");
}

PM_TEST(rec_merge_without_counterpart_is_format)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *want = pm_rec_new(a, &pm_kind_net);

	rec_set(a, want, "name", "eth0");
	rec_merges(want, NULL, NULL, "name=eth0");
	rec_merges(want, pm_rec_new(a, &pm_kind_net), NULL, "name=eth0");
}

PM_TEST(rec_equal_looks_only_at_what_is_wanted)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have =
		rec_of(a, &pm_kind_net, "name=eth0,hwaddr=BC:24:11:00:01:01,ip6=FD00::1/64");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_net);

	rec_set(a, want, "name", "eth0");
	rec_set(a, want, "hwaddr", "bc:24:11:00:01:01");
	rec_set(a, want, "ip6", "fd00:0::1/64");
	rec_set(a, want, "link_down", "false");
	assert_true(pm_rec_equal(want, have));
	rec_set(a, want, "ip6", "fd00:0::1/63");
	assert_false(pm_rec_equal(want, have));
}

PM_TEST(rec_features_absent_are_all_off)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = &pm_kind_pod.fields[PM_POD_FEATURES];
	struct pm_rec *want = pm_rec_new(a, &pm_kind_features);
	struct pm_value v = { .state = PM_SET, .u = { .rec = want } }, unset = { 0 };

	rec_set(a, want, "nesting", "false");
	assert_true(pm_value_equal(f, &v, &unset));
	rec_set(a, want, "nesting", "true");
	assert_false(pm_value_equal(f, &v, &unset));
}

/* A list of interfaces as a value. */
static struct pm_value nets(struct pm_arena *a, const char *first, const char *second)
{
	struct pm_recs *recs = pm_new(a, struct pm_recs);

	recs->v = pm_new_n(a, struct pm_rec *, 2);
	recs->v[recs->n++] = rec_of(a, &pm_kind_net, first);
	if (second)
		recs->v[recs->n++] = rec_of(a, &pm_kind_net, second);
	return (struct pm_value){ .state = PM_SET, .u = { .recs = recs } };
}

PM_TEST(rec_lists_are_equal_entry_by_entry)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = &pm_kind_pod.fields[PM_POD_INTERFACES];
	struct pm_value have = nets(a, "name=eth0,tag=2,hwaddr=BC:24:11:00:00:01", "name=eth1");
	struct pm_value want = nets(a, "name=eth1", "name=eth0,tag=2"), unset = { 0 };
	struct pm_recs none = { 0 };
	struct pm_value empty = { .state = PM_SET, .u = { .recs = &none } };

	assert_true(pm_value_equal(f, &want, &have));
	want = nets(a, "name=eth1", NULL);
	assert_false(pm_value_equal(f, &want, &have));
	want = nets(a, "name=eth1", "name=eth2");
	assert_false(pm_value_equal(f, &want, &have));
	want = nets(a, "name=eth1", "name=eth0,tag=3");
	assert_false(pm_value_equal(f, &want, &have));
	assert_true(pm_value_equal(f, &empty, &unset));
	assert_false(pm_value_equal(f, &empty, &have));
}

PM_TEST(rec_is_shown_as_manifests_write_it)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	cleanup_buf struct pm_buf b = PM_BUF(0);
	const struct pm_field *f = &pm_kind_pod.fields[PM_POD_ROOTFS];
	struct pm_value v = { .state = PM_SET,
		.u = { .rec = rec_of(a, &pm_kind_rootfs, "local:vm-1-disk-0,size=8G,quota=1") } };

	pm_value_format(f, PM_MANIFEST, &v, &b);
	assert_string_equal(pm_buf_str(&b), "{storage: local, size: 8Gi, quota: true}");
}

PM_TEST(rec_head_that_looks_like_a_key_is_written_with_its_key)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);

	rec_prints(rec_of(a, &pm_kind_device, "path=/dev/a=b"), "path=/dev/a=b");
	rec_prints(rec_of(a, &pm_kind_device, "path=/dev/ab"), "/dev/ab");
	rec_prints(rec_of(a, &pm_kind_volume, "volume=/a=b,mp=/c"), "volume=/a=b,mp=/c");
}
