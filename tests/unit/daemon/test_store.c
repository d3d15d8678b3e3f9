/* Texts that stay in force: broken, unreadable and vanished files. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"
#include "pm_test.h"

#define POD(name, more)                                            \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name \
	"}\nspec:\n  image: local:vztmpl/x.tar.zst\n"              \
	"  rootfs: {storage: local-lvm, size: 8Gi}\n" more

/* A store over a folder, and what the last take gave. */
struct shelf {
	const char *dir;
	struct pm_store store;
	struct pm_arena *arena;
	struct pm_set set;
	struct pm_load load;
	struct pm_diags diags;
};

static void forget(struct shelf *s)
{
	pm_set_done(&s->set);
	pm_arena_free(s->arena);
	s->arena = NULL;
}

static void take(struct shelf *s)
{
	forget(s);
	s->arena = pm_arena_new(0);
	s->set = (struct pm_set){ .arena = s->arena };
	pm_diags_init(&s->diags, s->arena);
	pm_store_read(&s->store, s->dir);
	pm_store_take(&s->store, s->dir, &s->set, &s->load, &s->diags);
}

static void write_file(struct shelf *s, const char *name, const char *text)
{
	(void)pm_test_file(s->dir, name, text);
}

static void remove_file(struct shelf *s, const char *name)
{
	char path[2048];

	(void)snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	assert_int_equal(remove(path), 0);
}

static void start(struct shelf *s)
{
	memset(s, 0, sizeof(*s));
	s->dir = pm_test_dir();
	write_file(s, "web.yaml", POD("web", "  vmid: 201\n"));
	write_file(s, "db.yaml", POD("db", "  vmid: 202\n"));
	take(s);
	assert_true(s->load.whole);
	assert_int_equal(s->set.n, 2);
}

static void done(struct shelf *s)
{
	forget(s);
	pm_store_done(&s->store);
}

static int64_t vmid_of(const struct shelf *s, const char *name)
{
	const struct pm_obj *o = pm_set_find(&s->set, &pm_kind_pod, "default", name);

	return o ? pm_rec_int(o->spec, PM_G_VMID, 0) : -1;
}

static bool has_finding(const struct shelf *s, const char *part)
{
	for (const struct pm_diag *d = s->diags.first; d; d = d->next)
		if (strstr(d->msg, part) || (d->pos.file && strstr(d->pos.file, part)))
			return true;
	return false;
}

PM_TEST(store_change)
{
	struct shelf s;
	uint64_t before;

	start(&s);
	before = s.store.tree;
	take(&s);
	assert_true(s.store.tree == before);
	write_file(&s, "web.yaml", POD("web", "  vmid: 203\n"));
	take(&s);
	assert_true(s.store.tree != before);
	assert_true(s.load.whole);
	assert_int_equal(vmid_of(&s, "web"), 203);
	done(&s);
}

PM_TEST(store_broken_file_stays_in_force)
{
	struct shelf s;

	start(&s);
	write_file(&s, "web.yaml", POD("web", "  vmid: 203\n  onboot: yes\n"));
	write_file(&s, "db.yaml", POD("db", "  vmid: 204\n"));
	take(&s);
	assert_false(s.load.whole);
	assert_true(has_finding(&s, "web.yaml"));
	assert_int_equal(vmid_of(&s, "web"), 201);
	assert_int_equal(vmid_of(&s, "db"), 204);
	/* Whatever its next wrong form is. */
	write_file(&s, "web.yaml", "");
	take(&s);
	assert_false(s.load.whole);
	assert_int_equal(vmid_of(&s, "web"), 201);
	write_file(&s, "web.yaml", POD("web", "  vmid: 205\n"));
	take(&s);
	assert_true(s.load.whole);
	assert_int_equal(vmid_of(&s, "web"), 205);
	done(&s);
}

PM_TEST(store_new_broken_file)
{
	struct shelf s;

	start(&s);
	write_file(&s, "new.yaml", POD("new", "  onboot: yes\n"));
	take(&s);
	assert_false(s.load.whole);
	assert_int_equal(s.set.n, 2);
	done(&s);
}

PM_TEST(store_removed_file)
{
	struct shelf s;

	start(&s);
	remove_file(&s, "web.yaml");
	take(&s);
	assert_true(s.load.whole);
	assert_int_equal(s.set.n, 1);
	remove_file(&s, "db.yaml");
	take(&s);
	assert_false(s.load.whole);
	assert_true(has_finding(&s, "there is no object"));
	assert_int_equal(s.set.n, 0);
	done(&s);
}

PM_TEST(store_unreadable_file_stays_in_force)
{
	struct shelf s;
	char path[2048];

	start(&s);
	remove_file(&s, "web.yaml");
	(void)snprintf(path, sizeof(path), "%s/web.yaml", s.dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	take(&s);
	assert_false(s.load.whole);
	assert_true(has_finding(&s, "FIFO"));
	assert_int_equal(vmid_of(&s, "web"), 201);
	done(&s);
}

PM_TEST(store_missing_folder_stays_in_force)
{
	struct shelf s;
	char away[4096];

	start(&s);
	(void)snprintf(away, sizeof(away), "%s.away", s.dir);
	assert_int_equal(rename(s.dir, away), 0);
	take(&s);
	assert_int_equal(rename(away, s.dir), 0);
	assert_false(s.load.whole);
	assert_true(has_finding(&s, "No such file"));
	assert_int_equal(s.set.n, 2);
	take(&s);
	assert_true(s.load.whole);
	done(&s);
}

/* A folder that cannot be listed hides its files; they are not gone. */
PM_TEST(store_folder_out_of_sight)
{
	struct shelf s;
	char sub[2048], away[2048];

	start(&s);
	write_file(&s, "shop/cache.yaml", POD("cache", "  vmid: 210\n"));
	write_file(&s, "shopping.yaml", POD("other", ""));
	take(&s);
	assert_int_equal(s.set.n, 4);
	(void)snprintf(sub, sizeof(sub), "%s/shop", s.dir);
	(void)snprintf(away, sizeof(away), "%s/.shop", s.dir);
	/* A link that leads out stands for every way in which a folder cannot be read. */
	assert_int_equal(rename(sub, away), 0);
	assert_int_equal(symlink("/", sub), 0);
	take(&s);
	assert_false(s.load.whole);
	assert_int_equal(s.set.n, 4);
	assert_int_equal(vmid_of(&s, "cache"), 210);
	assert_int_equal(unlink(sub), 0);
	take(&s);
	assert_true(s.load.whole);
	assert_int_equal(s.set.n, 3);
	done(&s);
}

/* Two files that do not fit each other: the later one goes back to what it was. */
PM_TEST(store_misfits)
{
	struct shelf s;

	start(&s);
	write_file(&s, "web.yaml", POD("web", "  vmid: 202\n"));
	take(&s);
	assert_false(s.load.whole);
	assert_true(has_finding(&s, "vmid is taken by pod default/db"));
	assert_int_equal(vmid_of(&s, "db"), 202);
	assert_int_equal(vmid_of(&s, "web"), 201);
	done(&s);
}

PM_TEST(store_dependants_of_what_is_not_in_force)
{
	struct shelf s;

	start(&s);
	write_file(&s, "a.yaml", POD("a", "  onboot: yes\n"));
	write_file(&s, "b.yaml", POD("b", "  dependsOn: [a]\n"));
	write_file(&s, "c.yaml", POD("c", "  dependsOn: [b]\n"));
	write_file(&s, "d.yaml", POD("d", "  dependsOn: [web]\n"));
	take(&s);
	assert_false(s.load.whole);
	assert_int_equal(vmid_of(&s, "a"), -1);
	assert_int_equal(vmid_of(&s, "b"), -1);
	assert_int_equal(vmid_of(&s, "c"), -1);
	assert_int_equal(vmid_of(&s, "d"), 0);
	assert_int_equal(s.set.n, 3);
	done(&s);
}

PM_TEST(store_findings_once)
{
	struct shelf s;
	unsigned n = 0;

	start(&s);
	write_file(&s, "x.yaml", "apiVersion: podmox/v1\nkind: Config\nset: a\n");
	write_file(&s, "y.yaml", POD("y", "  vmid: 201\n  onboot: yes\n"));
	take(&s);
	for (const struct pm_diag *d = s.diags.first; d; d = d->next)
		n++;
	assert_int_equal(n, 2);
	done(&s);
}

/* A clock by which every file was written long ago: nothing is racy. */
static void much_later(struct shelf *s, struct pm_test_clock *clock)
{
	pm_test_clock_init(clock);
	clock->wall_ms = pm_wall_ms(&pm_clock_system) + 60000;
	s->store.clock = &clock->clock;
	take(s);
}

PM_TEST(store_reads_and_parses_what_changed)
{
	struct pm_test_clock clock;
	struct shelf s;
	unsigned nread, nparsed;

	start(&s);
	much_later(&s, &clock);
	nread = s.store.nread;
	nparsed = s.store.nparsed;
	take(&s);
	assert_int_equal(s.store.nread, nread);
	assert_int_equal(s.set.n, 2);
	write_file(&s, "web.yaml", POD("web", "  vmid: 205\n"));
	take(&s);
	assert_int_equal(s.store.nread, nread + 1);
	assert_int_equal(s.store.nparsed, nparsed + 1);
	assert_int_equal(vmid_of(&s, "web"), 205);
	assert_int_equal(vmid_of(&s, "db"), 202);
	done(&s);
}

/* The same content under another look is read, and not parsed. */
PM_TEST(store_rewritten_alike)
{
	struct pm_test_clock clock;
	struct shelf s;
	unsigned nread, nparsed;
	uint64_t tree;

	start(&s);
	much_later(&s, &clock);
	nread = s.store.nread;
	nparsed = s.store.nparsed;
	tree = s.store.tree;
	remove_file(&s, "web.yaml");
	write_file(&s, "web.yaml", POD("web", "  vmid: 201\n"));
	take(&s);
	assert_int_equal(s.store.nread, nread + 1);
	assert_int_equal(s.store.nparsed, nparsed);
	assert_true(s.store.tree == tree);
	done(&s);
}

/* What was written just now may change again without looking so: same size, same time. */
PM_TEST(store_reads_young_files_again)
{
	struct shelf s;
	unsigned nread;

	start(&s);
	nread = s.store.nread;
	take(&s);
	assert_int_equal(s.store.nread, nread + 2);
	done(&s);
}

PM_TEST(store_wants_a_second_look)
{
	struct pm_test_clock clock;
	struct shelf s;

	start(&s);
	assert_true(s.store.young);
	take(&s);
	assert_false(s.store.young);
	much_later(&s, &clock);
	write_file(&s, "web.yaml", POD("web", "  vmid: 205\n"));
	take(&s);
	assert_false(s.store.young);
	/* A file that has gone may come back at once. */
	remove_file(&s, "web.yaml");
	take(&s);
	assert_true(s.store.young);
	done(&s);
}

/* Objects are used again: what a plan did to them, and what they depended on, is not. */
PM_TEST(store_links_anew)
{
	const struct pm_obj *o;
	struct shelf s;

	start(&s);
	write_file(&s, "app.yaml", POD("app", "  dependsOn: [db]\n"));
	take(&s);
	o = pm_set_find(&s.set, &pm_kind_pod, "default", "app");
	assert_int_equal(o->ndeps, 1);
	write_file(&s, "db.yaml", POD("db", "  vmid: 206\n"));
	take(&s);
	o = pm_set_find(&s.set, &pm_kind_pod, "default", "app");
	assert_int_equal(o->ndeps, 1);
	assert_int_equal(pm_rec_int(o->deps[0]->spec, PM_G_VMID, 0), 206);
	done(&s);
}

/* Findings of a content that is not parsed again are told again. */
PM_TEST(store_repeats_findings)
{
	struct shelf s;

	start(&s);
	write_file(&s, "web.yaml", POD("web", "  vmid: 201\n  onboot: yes\n"));
	for (unsigned i = 0; i < 3; i++) {
		take(&s);
		assert_false(s.load.whole);
		assert_true(has_finding(&s, "onboot must be true or false"));
		assert_int_equal(vmid_of(&s, "web"), 201);
	}
	done(&s);
}

/* A glance needs no store and sees what a reading would read. */
PM_TEST(store_glance)
{
	uint64_t before;
	struct shelf s;

	start(&s);
	take(&s);
	before = pm_store_glance(s.dir);
	assert_true(before == s.store.glance);
	assert_true(pm_store_glance(s.dir) == before);
	write_file(&s, "notes.txt", "nothing to us");
	assert_true(pm_store_glance(s.dir) == before);
	write_file(&s, "app.yaml", POD("app", ""));
	assert_true(pm_store_glance(s.dir) != before);
	take(&s);
	assert_true(pm_store_glance(s.dir) == s.store.glance);
	before = s.store.glance;
	write_file(&s, "web.yaml", POD("web", "  vmid: 209\n"));
	assert_true(pm_store_glance(s.dir) != before);
	take(&s);
	assert_true(pm_store_glance(s.dir) == s.store.glance);
	done(&s);
}

/* ---- looking only at what is named ---- */

static bool look(struct shelf *s, const char *name)
{
	char *names[] = { (char *)name };
	const struct pm_named named = { .v = { .v = names, .n = name ? 1 : 0 }, .only = true };

	return pm_store_look(&s->store, s->dir, &named);
}

/* What a reading of all makes of the same files, in a store of its own. */
static void assert_as_read_anew(const struct shelf *s)
{
	struct pm_store whole = { .clock = s->store.clock };

	pm_store_read(&whole, s->dir);
	assert_true(s->store.tree == whole.tree);
	assert_true(s->store.glance == whole.glance);
	assert_int_equal(s->store.files.n, whole.files.n);
	pm_store_done(&whole);
}

static void start_late(struct shelf *s, struct pm_test_clock *clock)
{
	start(s);
	write_file(s, "shop/app.yaml", POD("app", ""));
	much_later(s, clock);
}

PM_TEST(store_look_reads_what_is_named)
{
	struct pm_test_clock clock;
	struct shelf s;
	unsigned nread;

	start_late(&s, &clock);
	nread = s.store.nread;
	write_file(&s, "shop/app.yaml", POD("app", "  vmid: 205\n"));
	write_file(&s, "web.yaml", POD("web", "  vmid: 206\n"));
	assert_true(look(&s, "shop/app.yaml"));
	assert_int_equal(s.store.nread, nread + 1);
	assert_true(look(&s, "web.yaml"));
	assert_int_equal(s.store.nread, nread + 2);
	assert_as_read_anew(&s);
	/* A new one, and others that are nobody's business. */
	write_file(&s, "a.yaml", POD("a", ""));
	write_file(&s, ".hidden/x.yaml", "");
	write_file(&s, "notes.txt", "");
	assert_true(look(&s, "a.yaml"));
	assert_true(look(&s, ".hidden/x.yaml"));
	assert_true(look(&s, "notes.txt"));
	assert_true(look(&s, "web.yaml.new"));
	assert_int_equal(s.store.files.n, 4);
	assert_as_read_anew(&s);
	take(&s);
	assert_int_equal(vmid_of(&s, "app"), 205);
	assert_int_equal(vmid_of(&s, "web"), 206);
	assert_int_equal(s.set.n, 4);
	done(&s);
}

/* A look at nothing reads those that may be others without looking so. */
PM_TEST(store_look_at_young_files)
{
	struct shelf s;
	unsigned nread;

	start(&s);
	nread = s.store.nread;
	assert_true(look(&s, NULL));
	assert_int_equal(s.store.nread, nread + 2);
	done(&s);
}

PM_TEST(store_look_is_in_doubt)
{
	struct pm_test_clock clock;
	char path[2048];
	struct shelf s;

	start_late(&s, &clock);
	remove_file(&s, "db.yaml");
	assert_false(look(&s, "db.yaml"));
	take(&s);
	assert_int_equal(s.set.n, 2);
	(void)snprintf(path, sizeof(path), "%s/more.yaml", s.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(look(&s, "more.yaml"));
	assert_false(look(&s, "no/such.yaml"));
	assert_int_equal(rmdir(path), 0);
	assert_true(look(&s, "web.yaml"));
	/* Behind a link may be anything. */
	assert_int_equal(symlink("web.yaml", path), 0);
	assert_false(look(&s, "more.yaml"));
	take(&s);
	assert_false(look(&s, "web.yaml"));
	assert_int_equal(unlink(path), 0);
	take(&s);
	assert_true(look(&s, "web.yaml"));
	/* What cannot be read may be mended without a word. */
	assert_int_equal(mkfifo(path, 0600), 0);
	take(&s);
	assert_false(look(&s, "web.yaml"));
	done(&s);
}

/* As many come as go: the order of what is kept must stay that of the paths. */
PM_TEST(store_swaps_files)
{
	struct pm_test_clock clock;
	struct shelf s;

	start_late(&s, &clock);
	remove_file(&s, "web.yaml");
	remove_file(&s, "db.yaml");
	write_file(&s, "a.yaml", POD("a", ""));
	take(&s);
	assert_as_read_anew(&s);
	assert_true(look(&s, "a.yaml"));
	assert_as_read_anew(&s);
	done(&s);
}

/* A PodSet of no Pods in another file: nothing to wait for. */
PM_TEST(store_waits_for_no_pods)
{
	struct shelf s;

	start(&s);
	write_file(&s, "set.yaml",
		"apiVersion: podmox/v1\nkind: PodSet\nmetadata: {name: q}\nspec:\n  replicas: 0\n"
		"  template:\n    image: local:vztmpl/x.tar.zst\n"
		"    rootfs: {storage: local-lvm, size: 8Gi}\n");
	write_file(&s, "app.yaml", POD("app", "  dependsOn: [q]\n"));
	take(&s);
	assert_true(s.load.whole);
	assert_int_equal(s.set.n, 3);
	remove_file(&s, "set.yaml");
	take(&s);
	assert_false(s.load.whole);
	done(&s);
}
