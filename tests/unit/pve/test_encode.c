/* What is sent, byte for byte: creations and updates. */
#include "client.h"

static const struct pm_marker mark = { .set = "home",
	.kind = "Pod",
	.ns = "shop",
	.name = "web",
	.uid = "0123456789abcdef0123456789abcdef",
	.vmid = 210,
	.root = "m",
	.image = "i",
	.hash = "0123456789abcdef",
	.fields = "" };

#define UID "0123456789abcdef0123456789abcdef"

/* The form decoded again: "key=value" a line. */
static const char *lines(struct client *c, const struct pm_buf *form)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	const char *s = pm_buf_str(form);

	for (; *s; s++) {
		unsigned byte;

		if (*s == '&')
			pm_buf_addc(&out, '\n');
		else if (*s == '%' && sscanf(s + 1, "%2x", &byte) == 1) {
			pm_buf_addc(&out, byte ? (char)byte : '|');
			s += 2;
		} else
			pm_buf_addc(&out, *s);
	}
	return pm_arena_strdup(c->arena, pm_buf_str(&out));
}

static const char *create_form(struct client *c, const struct pm_obj *want, bool tags_later)
{
	struct pm_create cr = {
		.want = want, .vmid = 210, .node = "pve1", .marker = &mark, .tags_later = tags_later
	};
	struct pm_buf form cleanup_buf = PM_BUF(0);

	pm_pve_encode_create(c->arena, &cr, &form);
	return lines(c, &form);
}

static struct pm_obj *simple(struct client *c)
{
	struct pm_obj *o = want_new(c, "shop", "web");

	put(c, o->spec, PM_G_IMAGE, "local:vztmpl/d.tar.zst");
	put(c, o->spec, PM_POD_ROOTFS, "size=8G");
	o->spec->val[PM_POD_ROOTFS].u.rec->val[PM_ROOTFS_STORAGE].state = PM_SET;
	o->spec->val[PM_POD_ROOTFS].u.rec->val[PM_ROOTFS_STORAGE].u.s = "local-lvm";
	return o;
}

#define DESCRIPTION                                                                                 \
	"<!-- podmox: {\"v\":1,\"set\":\"home\",\"kind\":\"Pod\",\"ns\":\"shop\",\"name\":\"web\"," \
	"\"uid\":\"" UID "\",\"vmid\":210,\"root\":\"m\",\"image\":\"i\",\"hash\":"                 \
	"\"0123456789abcdef\",\"done\":false,\"fields\":\"\"} -->"

PM_TEST(a_small_creation)
{
	struct client c;
	char tag[24];

	client_start_token(&c, "pve1");
	assert_string_equal(create_form(&c, simple(&c), false),
		pm_arena_printf(c.arena,
			"vmid=210\nostemplate=local:vztmpl/d.tar.zst\nunprivileged=1\nhostname=web\n"
			"tags=podmox;%s\ndescription=" DESCRIPTION "\nrootfs=local-lvm:8",
			pm_set_tag("home", tag)));
	/* A token of a pool may not set tags there. */
	assert_null(strstr(create_form(&c, simple(&c), true), "tags="));
	client_stop(&c);
}

PM_TEST(a_large_creation)
{
	struct pm_obj *o;
	struct client c;
	const char *form;
	char tag[24];

	client_start_token(&c, "pve1");
	o = simple(&c);
	put(&c, o->spec, PM_G_NODE, "pve2");
	put(&c, o->spec, PM_G_VMID, "210");
	put(&c, o->spec, PM_G_POOL, "shop");
	put(&c, o->spec, PM_G_STATE, "running");
	put(&c, o->spec, PM_POD_UNPRIVILEGED, "0");
	put(&c, o->spec, PM_G_HOSTNAME, "www.shop.example");
	put(&c, o->spec, PM_POD_CORES, "2");
	put(&c, o->spec, PM_POD_CPULIMIT, "1.5");
	put(&c, o->spec, PM_POD_MEMORY, "1024");
	put(&c, o->spec, PM_POD_SWAP, "0");
	put_entry(&c, o->spec, PM_POD_VOLUMES, 0, "mp=/data,size=2G,backup=1");
	o->spec->val[PM_POD_VOLUMES].u.recs->v[0]->val[PM_VOLUME_STORAGE].state = PM_SET;
	o->spec->val[PM_POD_VOLUMES].u.recs->v[0]->val[PM_VOLUME_STORAGE].u.s = "local-lvm";
	put_entry(&c, o->spec, PM_POD_VOLUMES, 1, "/tank/media,mp=/srv/media,ro=1,shared=1");
	put_entry(&c, o->spec, PM_POD_INTERFACES, 0,
		"name=eth0,bridge=vmbr0,ip=10.0.0.10/24,gw=10.0.0.1,tag=20,firewall=1");
	put(&c, o->spec, PM_POD_DNS_SERVERS, "9.9.9.9 1.1.1.1");
	put(&c, o->spec, PM_POD_FEATURES, "nesting=1,keyctl=1");
	put(&c, o->spec, PM_G_ONBOOT, "1");
	put(&c, o->spec, PM_G_STARTUP, "order=2,up=10,down=20");
	put(&c, o->spec, PM_G_TAGS, "prod;Web");
	put(&c, o->spec, PM_G_DESCRIPTION, "Shop front");
	put(&c, o->spec, PM_POD_ENV, "A=1");
	put(&c, o->spec, PM_POD_ENTRYPOINT, "/bin/x");
	put(&c, o->spec, PM_POD_SSH_KEYS, "ssh-ed25519 AAAA a@b\nssh-ed25519 BBBB c@d");
	put_entry(&c, o->spec, PM_POD_DEVICES, 0, "/dev/dri/renderD128,mode=0660");
	put(&c, o->spec, PM_POD_OPT_TTY, "1");
	put(&c, o->spec, PM_POD_OPT_HA, "1");
	put(&c, o->spec, PM_G_LIFE_PROTECT, "1");
	put(&c, o->spec, PM_POD_OPT_TIMEZONE, NULL);
	form = create_form(&c, o, false);
	assert_string_equal(form,
		pm_arena_printf(c.arena,
			"vmid=210\nostemplate=local:vztmpl/d.tar.zst\nunprivileged=0\n"
			"hostname=www.shop.example\npool=shop\ntags=podmox;%s;prod;web\n"
			"description=Shop front\n" DESCRIPTION
			"\nonboot=1\nstartup=order=2,down=20,up=10\nprotection=1\ncores=2\ncpulimit=1.5\nmemory=1024\nswap=0\nrootfs=local-lvm:8\n"
			"mp0=local-lvm:2,mp=/data,backup=1\n"
			"mp1=/tank/media,mp=/srv/media,ro=1,shared=1\n"
			"net0=name=eth0,bridge=vmbr0,firewall=1,gw=10.0.0.1,ip=10.0.0.10/24,tag=20\n"
			"nameserver=9.9.9.9 1.1.1.1\nfeatures=keyctl=1,nesting=1\n"
			"ssh-public-keys=ssh-ed25519 AAAA a@b\nssh-ed25519 BBBB c@d\n"
			"dev0=/dev/dri/renderD128,mode=0660\ntty=1\nha-managed=1",
			pm_set_tag("home", tag)));
	client_stop(&c);
}

PM_TEST(everything_is_percent_encoded)
{
	struct pm_create cr = { .vmid = 210, .node = "pve1", .marker = &mark };
	struct pm_buf form cleanup_buf = PM_BUF(0);
	struct pm_obj *o;
	struct client c;

	client_start_token(&c, "pve1");
	o = simple(&c);
	put_entry(&c, o->spec, PM_POD_INTERFACES, 0, "name=eth0,bridge=vmbr0");
	cr.want = o;
	pm_pve_encode_create(c.arena, &cr, &form);
	assert_has(pm_buf_str(&form), "&net0=name%3Deth0%2Cbridge%3Dvmbr0");
	assert_has(pm_buf_str(&form), "&tags=podmox%3Bpodmox-");
	assert_null(strpbrk(pm_buf_str(&form), ";, \n<>{}\""));
	client_stop(&c);
}

/* ---- updates ---- */

#define MARK(fields)                                                                                      \
	"{\"key\":\"description\",\"value\":\"mine\\n<!-- podmox: {\\\"v\\\":1,\\\"set\\\":\\\"home\\\"," \
	"\\\"kind\\\":\\\"Pod\\\",\\\"ns\\\":\\\"shop\\\",\\\"name\\\":\\\"web\\\",\\\"uid\\\":\\\"" UID  \
	"\\\",\\\"vmid\\\":210,\\\"done\\\":true,\\\"fields\\\":\\\"" fields "\\\"} -->\\n\"}"

#define NET0   "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,ip=dhcp,type=veth"
#define NETROW "{\"key\":\"net0\",\"value\":\"" NET0 "\"}"

static const char *update_form(struct client *c, const struct pm_obj *want,
	const struct pm_obj *have, const struct pm_marker *m, bool after_create)
{
	struct pm_update u = {
		.want = want, .have = have, .marker = m, .after_create = after_create
	};
	struct pm_buf form cleanup_buf = PM_BUF(0);

	pm_pve_encode_update(c->arena, &u, &form);
	return lines(c, &form);
}

/* An update without tags and marker: only the row that is looked at. */
static void assert_update(struct client *c, const struct pm_obj *want, const struct pm_obj *have,
	const char *expected)
{
	const char *form = update_form(c, want, have, NULL, false);

	if (*expected)
		expected = pm_arena_printf(c->arena, "%s\ndigest=d1", expected);
	assert_string_equal(form, expected);
}

PM_TEST(only_what_differs_is_sent)
{
	struct pm_obj *want, *have;
	struct client c;

	client_start_token(&c, "pve1");
	want = want_new(&c, "shop", "web");
	have = have_new(&c, 210,
		"{\"key\":\"cores\",\"value\":2},{\"key\":\"memory\",\"value\":512},"
		"{\"key\":\"tty\",\"value\":3},{\"key\":\"nameserver\",\"value\":\"1.1.1.1\"}");
	assert_update(&c, want, have, "");
	put(&c, want->spec, PM_POD_CORES, "2");
	put(&c, want->spec, PM_POD_MEMORY, "512");
	put(&c, want->spec, PM_POD_SWAP, "512"); /* absent, and that is the default */
	put(&c, want->spec, PM_G_ONBOOT, "0");
	assert_update(&c, want, have, "");
	put(&c, want->spec, PM_POD_CORES, "4");
	put(&c, want->spec, PM_POD_DNS_SERVERS, "9.9.9.9 1.1.1.1");
	assert_update(&c, want, have, "cores=4\nnameserver=9.9.9.9 1.1.1.1");
	/* null means absent; what is absent or cannot be unset stays as it is. */
	put(&c, want->spec, PM_POD_CORES, NULL);
	put(&c, want->spec, PM_POD_MEMORY, NULL);
	put(&c, want->spec, PM_POD_DNS_SERVERS, "");
	put(&c, want->spec, PM_POD_OPT_TTY, NULL);
	put(&c, want->spec, PM_POD_OPT_TIMEZONE, NULL);
	assert_update(&c, want, have, "delete=cores,nameserver,tty");
	client_stop(&c);
}

PM_TEST(what_podmox_set_and_nobody_names_goes)
{
	struct pm_obj *want, *have;
	struct client c;

	client_start_token(&c, "pve1");
	want = want_new(&c, "shop", "web");
	have = have_new(&c, 210,
		MARK("cores memory onboot rootfs:size features:nesting") ","
									 "{\"key\":\"cores\",\"value\":2},{\"key\":\"memory\",\"value\":512},"
									 "{\"key\":\"onboot\",\"value\":0},{\"key\":\"tty\",\"value\":3},"
									 "{\"key\":\"rootfs\",\"value\":\"local:vm-210-disk-0,size=2G\"},"
									 "{\"key\":\"features\",\"value\":\"nesting=1\"}");
	/* memory cannot go, onboot is at its default, tty was never ours. */
	assert_update(&c, want, have, "delete=cores,features");
	client_stop(&c);
}

PM_TEST(property_strings_are_built_on_what_is_there)
{
	struct pm_obj *want, *have;
	struct client c;

	client_start_token(&c, "pve1");
	want = want_new(&c, "shop", "web");
	have = have_new(&c, 210, NETROW);
	put_entry(&c, want->spec, PM_POD_INTERFACES, 0, "name=eth0,bridge=vmbr0,ip=dhcp");
	assert_update(&c, want, have, "");
	put_entry(&c, want->spec, PM_POD_INTERFACES, 1, "name=eth1,bridge=vmbr1");
	want->spec->val[PM_POD_INTERFACES].u.recs->v[0]->val[PM_NET_TAG].state = PM_SET;
	want->spec->val[PM_POD_INTERFACES].u.recs->v[0]->val[PM_NET_TAG].u.i = 30;
	assert_update(&c, want, have,
		"net0=name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,ip=dhcp,type=veth,tag=30\n"
		"net1=name=eth1,bridge=vmbr1");
	/* A MAC that is null stays: PVE would make up another at every write. */
	want->spec->val[PM_POD_INTERFACES].u.recs->v[0]->val[PM_NET_TAG].state = PM_UNSET;
	want->spec->val[PM_POD_INTERFACES].u.recs->v[0]->val[PM_NET_HWADDR].state = PM_NULL;
	want->spec->val[PM_POD_INTERFACES].u.recs->n = 1;
	assert_update(&c, want, have, "");
	client_stop(&c);
}

PM_TEST(sub_keys_go_as_keys_do)
{
	struct pm_obj *want, *have;
	struct client c;

	client_start_token(&c, "pve1");
	want = want_new(&c, "shop", "web");
	have = have_new(&c, 210,
		MARK("net0:bridge,ip,name,tag net1:bridge,name features:keyctl,nesting") ","
											 "{\"key\":\"net0\",\"value\":\"" NET0
											 ",tag=20,rate=5,odd=1\"},"
											 "{\"key\":\"net1\",\"value\":\"name=eth1,bridge=b\"},"
											 "{\"key\":\"net2\",\"value\":\"name=eth2,bridge=b\"},"
											 "{\"key\":\"features\",\"value\":\"nesting=1,keyctl=1,fuse=1\"}");
	put_entry(&c, want->spec, PM_POD_INTERFACES, 0, "name=eth0,bridge=vmbr0,ip=dhcp");
	/* tag was ours, rate was not; net1 was ours, net2 was not; fuse was not. */
	assert_update(&c, want, have, "net0=" NET0 ",rate=5,odd=1\nfeatures=fuse=1\ndelete=net1");
	want->spec->val[PM_POD_INTERFACES].state = PM_NULL;
	put(&c, want->spec, PM_POD_FEATURES, NULL);
	assert_update(&c, want, have, "delete=net0,net1,net2,features");
	client_stop(&c);
}

PM_TEST(volumes_keep_their_names)
{
	struct pm_obj *want, *have;
	struct pm_rec *rootfs;
	struct client c;

	client_start_token(&c, "pve1");
	want = want_new(&c, "shop", "web");
	have = have_new(&c, 210,
		"{\"key\":\"rootfs\",\"value\":\"local-lvm:vm-210-disk-0,size=8G\"},"
		"{\"key\":\"mp0\",\"value\":\"local-lvm:vm-210-disk-1,mp=/data,backup=1,size=2G\"}");
	put(&c, want->spec, PM_POD_ROOTFS, "size=12G");
	rootfs = want->spec->val[PM_POD_ROOTFS].u.rec;
	rootfs->val[PM_ROOTFS_STORAGE].state = PM_SET;
	rootfs->val[PM_ROOTFS_STORAGE].u.s = "local-lvm";
	put_entry(&c, want->spec, PM_POD_VOLUMES, 0, "mp=/data,size=4G,backup=1");
	want->spec->val[PM_POD_VOLUMES].u.recs->v[0]->val[PM_VOLUME_STORAGE].state = PM_SET;
	want->spec->val[PM_POD_VOLUMES].u.recs->v[0]->val[PM_VOLUME_STORAGE].u.s = "local-lvm";
	/* Growth has a call of its own. */
	assert_update(&c, want, have, "");
	rootfs->val[PM_ROOTFS_QUOTA].state = PM_SET;
	rootfs->val[PM_ROOTFS_QUOTA].u.b = true;
	want->spec->val[PM_POD_VOLUMES].u.recs->v[0]->val[PM_VOLUME_BACKUP].u.b = false;
	put_entry(&c, want->spec, PM_POD_VOLUMES, 1, "mp=/new,size=1536M");
	want->spec->val[PM_POD_VOLUMES].u.recs->v[1]->val[PM_VOLUME_STORAGE].state = PM_SET;
	want->spec->val[PM_POD_VOLUMES].u.recs->v[1]->val[PM_VOLUME_STORAGE].u.s = "local";
	assert_update(&c, want, have,
		"rootfs=local-lvm:vm-210-disk-0,size=8G,quota=1\n"
		"mp0=local-lvm:vm-210-disk-1,mp=/data,backup=0,size=2G\n"
		"mp1=local:1.5,mp=/new");
	client_stop(&c);
}

PM_TEST(the_environment_is_merged_key_by_key)
{
	struct pm_obj *want, *have;
	struct client c;

	client_start_token(&c, "pve1");
	want = want_new(&c, "shop", "web");
	have = have_new(&c, 210,
		MARK("env:OLD,TZ") ","
				   "{\"key\":\"env\",\"value\":\"PATH=/bin\\u0000TZ=UTC\\u0000OLD=1\"}");
	put(&c, want->spec, PM_POD_ENV, "");
	want->spec->val[PM_POD_ENV].state = PM_UNSET;
	assert_update(&c, want, have, "env=PATH=/bin");
	put(&c, want->spec, PM_POD_ENV, "TZ=UTC");
	assert_update(&c, want, have, "env=PATH=/bin|TZ=UTC");
	put(&c, want->spec, PM_POD_ENV, NULL);
	assert_update(&c, want, have, "delete=env");
	client_stop(&c);
}

PM_TEST(the_marker_goes_along)
{
	struct pm_marker now = mark;
	struct pm_obj *want, *have;
	struct client c;
	const char *form;

	client_start_token(&c, "pve1");
	want = want_new(&c, "shop", "web");
	have = have_new(&c, 210, MARK("cores") ",{\"key\":\"cores\",\"value\":2}");
	put(&c, want->spec, PM_POD_CORES, "2");
	now.done = true;
	now.hash = "fedcba9876543210";
	/* A marker that only says something else about the same is no change. */
	assert_string_equal(update_form(&c, want, have, &now, false), "");
	put(&c, want->spec, PM_POD_CORES, "4");
	form = update_form(&c, want, have, &now, false);
	assert_has(form, "cores=4\ndescription=mine\n<!-- podmox: ");
	assert_has(form, "fedcba9876543210");
	assert_has(form, "\ndigest=d1");
	/* What podmox relies on is written for its own sake. */
	put(&c, want->spec, PM_POD_CORES, "2");
	now.done = false;
	assert_has(update_form(&c, want, have, &now, false), "description=mine\n<!-- podmox: ");
	now.done = true;
	now.on_remove = "keep";
	assert_has(update_form(&c, want, have, &now, false), "\"onRemove\":\"keep\"");
	now.on_remove = NULL;
	now.name = "other";
	assert_has(update_form(&c, want, have, &now, false), "\"name\":\"other\"");
	have = have_new(&c, 210, "{\"key\":\"cores\",\"value\":2}");
	assert_has(update_form(&c, want, have, &now, false), "description=<!-- podmox: ");
	client_stop(&c);
}

PM_TEST(the_users_text_is_his)
{
	struct pm_obj *want, *have;
	struct client c;
	const char *form;

	client_start_token(&c, "pve1");
	want = want_new(&c, "shop", "web");
	have = have_new(&c, 210, MARK(""));
	put(&c, want->spec, PM_G_DESCRIPTION, "mine");
	assert_update(&c, want, have, "");
	put(&c, want->spec, PM_G_DESCRIPTION, "two\nlines");
	form = update_form(&c, want, have, NULL, false);
	assert_has(form, "description=two\nlines\n<!-- podmox: {\"v\":1,\"set\":\"home\"");
	put(&c, want->spec, PM_G_DESCRIPTION, NULL);
	assert_has(update_form(&c, want, have, NULL, false), "description=<!-- podmox: ");
	/* Set by podmox once, and no longer named. */
	have = have_new(&c, 210, MARK("description"));
	want->spec->val[PM_G_DESCRIPTION].state = PM_UNSET;
	assert_has(update_form(&c, want, have, NULL, false), "description=<!-- podmox: ");
	/* Of a guest without a marker. */
	have = have_new(&c, 210, "{\"key\":\"description\",\"value\":\"x\\n\"}");
	put(&c, want->spec, PM_G_DESCRIPTION, NULL);
	assert_update(&c, want, have, "delete=description");
	put(&c, want->spec, PM_G_DESCRIPTION, "y");
	assert_update(&c, want, have, "description=y");
	client_stop(&c);
}

PM_TEST(tags_are_the_users_and_ours)
{
	struct pm_update u = { .set = "home" };
	struct pm_obj *want, *have;
	struct client c;
	char tag[24];
	const struct {
		const char *have, *want;
		int state;
		const char *fields, *sent;
	} table[] = {
		{ "podmox;%s", NULL, PM_UNSET, "", NULL },
		{ "%s;Podmox", NULL, PM_UNSET, "", NULL },
		{ "a;%s", NULL, PM_UNSET, "", "a;podmox;%s" },
		{ "a;podmox;%s", "b", PM_SET, "", "b;podmox;%s" },
		{ "b;podmox;%s;a", "A;b", PM_SET, "", NULL },
		{ "a;podmox;%s", NULL, PM_NULL, "", "podmox;%s" },
		{ "a;podmox;%s", NULL, PM_UNSET, "tags", "podmox;%s" },
		{ "podmox;podmox-00000000", NULL, PM_UNSET, "", "podmox;%s" },
	};

	client_start_token(&c, "pve1");
	(void)pm_set_tag("home", tag);
	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct pm_buf form cleanup_buf = PM_BUF(0);
		struct pm_buf tags cleanup_buf = PM_BUF(0);
		struct pm_marker *m = pm_new(c.arena, struct pm_marker);

		pm_buf_adds(&tags, "{\"key\":\"tags\",\"value\":\"");
		for (const char *s = table[i].have; *s; s++) {
			if (*s == '%')
				pm_buf_adds(&tags, tag);
			if (*s == '%')
				s++;
			else
				pm_buf_addc(&tags, *s);
		}
		pm_buf_adds(&tags, "\"}");
		want = want_new(&c, "shop", "web");
		have = have_new(&c, 210, pm_buf_str(&tags));
		*m = mark;
		m->fields = table[i].fields;
		have->live->marker = m;
		if (table[i].want)
			put(&c, want->spec, PM_G_TAGS, table[i].want);
		want->spec->val[PM_G_TAGS].state = (uint8_t)table[i].state;
		u.want = want;
		u.have = have;
		pm_pve_encode_update(c.arena, &u, &form);
		if (!table[i].sent) {
			assert_string_equal(pm_buf_str(&form), "");
			continue;
		}
		pm_buf_clear(&tags);
		pm_buf_adds(&tags, "tags=");
		for (const char *s = table[i].sent; *s; s++) {
			if (*s == '%')
				pm_buf_adds(&tags, tag);
			if (*s == '%')
				s++;
			else
				pm_buf_addc(&tags, *s);
		}
		pm_buf_adds(&tags, "\ndigest=d1");
		assert_string_equal(lines(&c, &form), pm_buf_str(&tags));
	}
	client_stop(&c);
}

PM_TEST(the_second_write_of_a_creation)
{
	struct pm_marker now = mark;
	struct pm_update u = { .marker = &now, .set = "home", .after_create = true };
	struct pm_buf form cleanup_buf = PM_BUF(0);
	struct pm_obj *want;
	struct client c;
	char tag[24];

	client_start_token(&c, "pve1");
	now.done = true;
	want = simple(&c);
	put(&c, want->spec, PM_POD_CORES, "8"); /* sent with the creation; not now */
	put(&c, want->spec, PM_G_TAGS, "prod");
	put(&c, want->spec, PM_G_DESCRIPTION, "Shop");
	put(&c, want->spec, PM_POD_ENV, "TZ=UTC");
	put(&c, want->spec, PM_POD_ENTRYPOINT, "/bin/app --serve");
	u.want = want;
	u.have = have_new(&c, 210,
		"{\"key\":\"cores\",\"value\":2},{\"key\":\"env\",\"value\":\"PATH=/bin\\u0000TZ=GMT\"},"
		"{\"key\":\"entrypoint\",\"value\":\"/image/start\"},"
		"{\"key\":\"description\",\"value\":\"Shop\\n\"}");
	pm_pve_encode_update(c.arena, &u, &form);
	assert_string_equal(lines(&c, &form),
		pm_arena_printf(c.arena,
			"tags=podmox;%s;prod\nenv=PATH=/bin|TZ=UTC\nentrypoint=/bin/app --serve\n"
			"description=Shop\n<!-- podmox: {\"v\":1,\"set\":\"home\",\"kind\":\"Pod\","
			"\"ns\":\"shop\",\"name\":\"web\",\"uid\":\"" UID "\",\"vmid\":210,"
			"\"root\":\"m\",\"image\":\"i\",\"hash\":\"0123456789abcdef\",\"done\":true,"
			"\"fields\":\"\"} -->\ndigest=d1",
			pm_set_tag("home", tag)));
	assert_has(pm_buf_str(&form), "env=PATH%3D%2Fbin%00TZ%3DUTC");
	/* A text that somebody edited meanwhile is for the next plan to show. */
	u.have = have_new(&c, 210, "{\"key\":\"description\",\"value\":\"Edited\\n\"}");
	pm_buf_clear(&form);
	pm_pve_encode_update(c.arena, &u, &form);
	assert_has(lines(&c, &form), "\ndescription=Edited\n<!-- podmox: ");
	client_stop(&c);
}

PM_TEST(what_is_fixed_or_only_sent_once_is_never_in_an_update)
{
	struct pm_obj *want, *have;
	struct client c;

	client_start_token(&c, "pve1");
	want = simple(&c);
	want->spec->val[PM_POD_ROOTFS].state = PM_UNSET;
	put(&c, want->spec, PM_POD_UNPRIVILEGED, "0");
	put(&c, want->spec, PM_POD_SSH_KEYS, "ssh-ed25519 AAAA");
	put(&c, want->spec, PM_POD_OPT_HA, "1");
	put(&c, want->spec, PM_G_NODE, "pve3");
	put(&c, want->spec, PM_G_POOL, "p");
	put(&c, want->spec, PM_G_STATE, "stopped");
	have = have_new(&c, 210, "{\"key\":\"unprivileged\",\"value\":1}");
	assert_update(&c, want, have, "");
	client_stop(&c);
}
