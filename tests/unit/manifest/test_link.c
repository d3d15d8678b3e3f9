/* What holds between objects, beyond the golden cases: size, and what is resolved. */
#include <stdio.h>

#include "manifest_test.h"

PM_TEST(link_resolves)
{
	static const char text[] = POD("a") "  dependsOn: [c, b, POD/default/c]\n---\n" POD(
		"b") "---\n" POD("c") "  dependsOn: [pod/default/b]\n";
	struct loaded l;
	struct pm_obj *a, *b, *c;

	parse_text(&l, text, sizeof(text) - 1);
	a = pod_of(&l, "a");
	b = pod_of(&l, "b");
	c = pod_of(&l, "c");
	assert_int_equal(a->ndeps, 2);
	assert_int_equal(b->ndeps, 0);
	assert_int_equal(c->ndeps, 1);
	assert_ptr_equal(c->deps[0], b);
	loaded_done(&l);
}

PM_TEST(link_twice_is_the_same)
{
	static const char text[] = POD("a") "  dependsOn: [b]\n---\n" POD("b");
	struct loaded l;

	parse_text(&l, text, sizeof(text) - 1);
	pm_manifest_link(&l.set, &l.diags);
	assert_int_equal(pod_of(&l, "a")->ndeps, 1);
	assert_int_equal(l.diags.nerrors, 0);
	loaded_done(&l);
}

/* A chain as long as the set, closed to a circle at its end: no recursion over objects. */
PM_TEST(link_long_chain)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct loaded l;
	unsigned n = 5000;

	for (unsigned i = 0; i < n; i++)
		(void)pm_buf_addf(&text,
			"%sapiVersion: podmox/v1\nkind: Pod\nmetadata: {name: p%u}\nspec:\n"
			"  image: local:vztmpl/x.tar.zst\n  rootfs: {storage: local, size: 1Gi}\n"
			"  dependsOn: [p%u]\n",
			i > 0 ? "---\n" : "", i, (i + 1) % n);
	parse_text(&l, pm_buf_str(&text), text.len);
	assert_int_equal(l.set.n, n);
	assert_int_equal(l.diags.nerrors, 1);
	assert_has(l.text, "dependsOn goes in a circle: default/p0 -> default/p1 -> default/p2 ->");
	loaded_done(&l);
}

PM_TEST(link_same_address_elsewhere)
{
	static const char text[] =
		POD("a") "  network: {interfaces: [{name: eth0, bridge: vmbr0, ip: 192.0.2.1/24, tag: 2}]}\n---\n" POD(
			"b") "  network: {interfaces: [{name: eth0, bridge: vmbr0, ip: 192.0.2.1/24, tag: 3},"
			     " {name: eth1, bridge: vmbr0, ip: dhcp}, {name: eth2, bridge: vmbr0, ip: dhcp}]}\n";
	struct loaded l;

	parse_text(&l, text, sizeof(text) - 1);
	assert_string_equal(l.text, "");
	loaded_done(&l);
}
