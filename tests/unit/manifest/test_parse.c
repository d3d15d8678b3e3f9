/* Texts to objects: values with their places, states, aliases, limits. */
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "manifest_test.h"

static struct pm_value *value(struct pm_obj *o, unsigned row)
{
	return &o->spec->val[row];
}

PM_TEST(parse_values_and_places)
{
	static const char text[] = "# comment\n" POD(
		"web") "  resources:\n    memory: 1Gi\n    cpulimit: 1.5\n"
		       "  onboot: true\n  tags: [a, b]\n  startup: {order: 2, up: 1m30s}\n"
		       "  env: {B: \"2\", A: 1}\n  password: {fromEnv: PW}\n  entrypoint: 'a: b'\n";
	struct loaded l;
	struct pm_obj *o;

	parse_text(&l, text, sizeof(text) - 1);
	o = pod_of(&l, "web");
	assert_int_equal(o->line, 2);
	assert_int_equal(o->column, 1);
	assert_int_equal(value(o, PM_POD_MEMORY)->u.i, PM_GIB);
	assert_int_equal(value(o, PM_POD_MEMORY)->line, 9);
	assert_int_equal(value(o, PM_POD_MEMORY)->column, 13);
	assert_int_equal(value(o, PM_POD_CPULIMIT)->u.i, 1500);
	assert_true(value(o, PM_G_ONBOOT)->u.b);
	/* A list or mapping stands where its key does. */
	assert_int_equal(value(o, PM_G_TAGS)->line, 12);
	assert_int_equal(value(o, PM_G_TAGS)->column, 3);
	assert_int_equal(value(o, PM_G_TAGS)->u.list->n, 2);
	assert_string_equal(value(o, PM_POD_ENV)->u.list->v[0], "A=1");
	assert_string_equal(value(o, PM_POD_ENV)->u.list->v[1], "B=2");
	assert_int_equal(value(o, PM_POD_PASSWORD)->u.secret->from, PM_SECRET_ENV);
	assert_string_equal(value(o, PM_POD_PASSWORD)->u.secret->text, "PW");
	assert_string_equal(value(o, PM_POD_ENTRYPOINT)->u.s, "a: b");
	assert_int_equal(value(o, PM_G_STARTUP)->u.rec->line, 13);
	assert_int_equal(value(o, PM_POD_SWAP)->state, PM_UNSET);
	assert_int_equal(value(o, PM_POD_SWAP)->line, 0);
	loaded_done(&l);
}

PM_TEST(parse_null_is_not_absent)
{
	static const char text[] = POD("web") "  onboot: null\n  tags: ~\n  hostname: \"null\"\n";
	struct loaded l;
	struct pm_obj *o;

	parse_text(&l, text, sizeof(text) - 1);
	o = pod_of(&l, "web");
	assert_int_equal(value(o, PM_G_ONBOOT)->state, PM_NULL);
	assert_int_equal(value(o, PM_G_TAGS)->state, PM_NULL);
	assert_int_equal(value(o, PM_G_POOL)->state, PM_UNSET);
	assert_string_equal(value(o, PM_G_HOSTNAME)->u.s, "null");
	loaded_done(&l);
}

PM_TEST(parse_text_stays_text)
{
	struct loaded l;
	const struct pm_rec *net;

	load_path(&l, "tests/manifest/mac.yaml");
	net = value(pod_of(&l, "web"), PM_POD_INTERFACES)->u.recs->v[0];
	assert_string_equal(pm_rec_str(net, PM_NET_HWADDR, ""), "52:54:00:44:49:56");
	assert_string_equal(value(l.set.v[0], PM_G_DESCRIPTION)->u.s, "8.10");
	loaded_done(&l);
}

PM_TEST(parse_crlf_reads_the_same)
{
	struct loaded l;

	load_path(&l, "tests/manifest/crlf.yaml");
	assert_string_equal(value(pod_of(&l, "web"), PM_G_DESCRIPTION)->u.s, "one\ntwo");
	loaded_done(&l);
}

PM_TEST(parse_aliases)
{
	struct loaded l;
	struct pm_obj *o;
	const struct pm_recs *nets;

	load_path(&l, "tests/manifest/anchors.yaml");
	o = pod_of(&l, "web");
	nets = value(o, PM_POD_INTERFACES)->u.recs;
	assert_int_equal(nets->n, 2);
	assert_string_equal(pm_rec_str(nets->v[1], PM_NET_BRIDGE, ""), "vmbr0");
	assert_int_equal(value(o, PM_POD_SSH_KEYS)->u.list->n, 2);
	loaded_done(&l);
}

PM_TEST(parse_anchors_end_with_their_document)
{
	static const char text[] = POD("a") "  tags: &t [x]\n---\n" POD("b") "  tags: *t\n";
	struct loaded l;

	parse_text(&l, text, sizeof(text) - 1);
	assert_has(l.text, "no anchor \"&t\" stands before this");
	loaded_done(&l);
}

PM_TEST(parse_spec_before_kind)
{
	struct loaded l;

	load_path(&l, "tests/manifest/kind-last.yaml");
	assert_string_equal(value(pod_of(&l, "web"), PM_POD_ENTRYPOINT)->u.s, "text");
	assert_int_equal(value(l.set.v[0], PM_G_IMAGE)->line, 2);
	loaded_done(&l);
}

/* A spec before its kind is no expansion, however large it is. */
PM_TEST(parse_large_spec_before_kind)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct loaded l;

	(void)pm_buf_adds(&text, strstr(POD("x"), "spec:"));
	(void)pm_buf_adds(&text, "  tags:\n");
	for (unsigned i = 0; i < 2 * PM_MANIFEST_MAX_NODES; i++)
		(void)pm_buf_addf(&text, "    - t%u\n", i);
	(void)pm_buf_adds(&text, "metadata: {name: web}\nkind: Pod\napiVersion: podmox/v1\n");
	parse_text(&l, pm_buf_str(&text), text.len);
	assert_int_equal(value(pod_of(&l, "web"), PM_G_TAGS)->u.list->n, 2 * PM_MANIFEST_MAX_NODES);
	loaded_done(&l);
}

PM_TEST(parse_namespace_and_labels)
{
	static const char text[] =
		"apiVersion: podmox/v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: shop\n"
		"  labels: {tier: front, app: web, example.com/x: \"\"}\nspec:\n"
		"  image: local:vztmpl/x.tar.zst\n  rootfs: {storage: local, size: 1Gi}\n";
	struct loaded l;

	parse_text(&l, text, sizeof(text) - 1);
	assert_string_equal(l.text, "");
	assert_string_equal(l.set.v[0]->ns, "shop");
	assert_string_equal(l.set.v[0]->labels->v[0], "app=web");
	assert_string_equal(l.set.v[0]->labels->v[1], "example.com/x=");
	assert_round_trip(&l.set);
	loaded_done(&l);
}

PM_TEST(parse_many_errors_end)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct loaded l;

	(void)pm_buf_adds(&text, POD("web"));
	for (unsigned i = 0; i < 5000; i++)
		(void)pm_buf_addf(&text, "  wrong%u: x\n", i);
	parse_text(&l, pm_buf_str(&text), text.len);
	assert_has(l.text, "more than 500 errors in this file");
	assert_int_equal(l.diags.nerrors, 501);
	loaded_done(&l);
}

PM_TEST(parse_many_anchors)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct loaded l;

	(void)pm_buf_adds(&text, POD("web") "  tags: [x");
	for (unsigned i = 0; i < 4000; i++)
		(void)pm_buf_addf(&text, ", &a%u t%u, *a%u", i, i, i);
	(void)pm_buf_adds(&text, "]\n");
	parse_text(&l, pm_buf_str(&text), text.len);
	assert_int_equal(value(pod_of(&l, "web"), PM_G_TAGS)->u.list->n, 8001);
	loaded_done(&l);
}

/* The text of a load need not end in a NUL. */
PM_TEST(parse_without_terminator)
{
	static const char text[] = POD("web");
	size_t n = sizeof(text) - 1;
	char *copy = malloc(n);
	struct loaded l;

	memcpy(copy, text, n);
	parse_text(&l, copy, n);
	(void)pod_of(&l, "web");
	free(copy);
	loaded_done(&l);
}

static char *read_full(size_t *ret_n)
{
	FILE *f = fopen("tests/manifest/full.yaml", "re");
	char *text = calloc(1, 8192);

	assert_non_null(f);
	*ret_n = fread(text, 1, 8191, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

/* Wherever a text is cut, it is read or refused, and what is left of it is no object of the whole. */
PM_TEST(parse_every_prefix)
{
	size_t n;
	char *text = read_full(&n);

	for (size_t i = 0; i <= n; i++) {
		struct loaded l;

		parse_text(&l, text, i);
		loaded_done(&l);
	}
	free(text);
}

PM_TEST(parse_every_byte_replaced)
{
	static const char replacements[] = { '\0', '\t', '\n', ' ', '"', '\'', '&', '*', '{', '[',
		':', '-', '#', '|', '!', '\xff' };
	size_t n;
	char *text = read_full(&n);

	for (size_t i = 0; i < n; i++) {
		char was = text[i];
		struct loaded l;

		text[i] = replacements[i % sizeof(replacements)];
		parse_text(&l, text, n);
		if (l.diags.nerrors == 0)
			assert_round_trip(&l.set);
		loaded_done(&l);
		text[i] = was;
	}
	free(text);
}

PM_TEST(parse_shows_no_secret)
{
	static const char *const texts[] = {
		POD("a") "  password: hunter2hunter2\n  onboot: yes\n",
		POD("a") "  password: [hunter2hunter2]\n",
		POD("a") "  password: hunter2hunter2: x\n",
		POD("a") "  password: \"hunter2hunter2\n",
		POD("a") "  password: |\n    hunter2hunter2\x01\n",
		POD("a") "  password: |\n    hunter2hunter2\n   hunter2hunter2\n",
		POD("a") "  password: {fromEnv: A, x: hunter2hunter2}\n",
		POD("a") "  env: {MY_SECRET: hunter2hunter2, A: [b]}\n",
		POD("a") "  passwort: hunter2hunter2\n",
		POD("a") "  password: hu\n",
	};

	for (size_t i = 0; i < PM_COUNT(texts); i++) {
		struct loaded l;

		parse_text(&l, texts[i], strlen(texts[i]));
		assert_true(l.diags.nerrors + l.diags.nwarnings > 0);
		if (strstr(l.text, "hunter2"))
			fail_msg("a secret in:\n%s", l.text);
		loaded_done(&l);
	}
}
