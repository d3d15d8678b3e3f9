/* /nodes/{node}: what a node knows about the machine and the world: certificates, packages, templates and
 * images elsewhere, logs, statistics. And the log of the cluster. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/num.h"
#include "sim/sim_priv.h"

#define NODE      (SIM_PROTECTED | SIM_NODE)
#define AUDIT     "/nodes/{node} Sys.Audit"
#define MOST_LOG  200
#define OF_SERIES 60 /* points of a time series */

/* ---- the cluster's log ---- */

void pm_s_log_drop(struct pm_sim *s, size_t i)
{
	free(s->log.v[i]->user);
	free(s->log.v[i]->text);
	free(s->log.v[i]);
	memmove(&s->log.v[i], &s->log.v[i + 1], (--s->log.n - i) * sizeof(*s->log.v));
}

void pm_s_log(
	struct pm_sim *s, unsigned node, const char *user, const char *tag, const char *fmt, ...)
{
	struct sim_line *l = pm_xcalloc(1, sizeof(*l));
	cleanup_buf struct pm_buf text = PM_BUF(0);
	va_list ap;

	va_start(ap, fmt);
	pm_buf_addv(&text, fmt, ap);
	va_end(ap);
	if (s->log.n >= MOST_LOG)
		pm_s_log_drop(s, 0);
	*l = (struct sim_line){ .uid = ++s->next_line,
		.node = node,
		.pid = 340,
		.time_s = s->wall_ms / 1000,
		.user = pm_xstrdup(user),
		.text = pm_buf_steal(&text),
		.tag = tag };
	pm_vec_push(&s->log, l);
}

static void log_get(struct sim_call *c)
{
	int64_t most = pm_s_arg_int(c, "max", 50);
	bool all = pm_s_may(c, "/", pm_s_priv("Sys.Syslog"));

	pm_jw_array(&c->w, "data");
	for (size_t i = c->s->log.n; i-- > 0 && most > 0;) {
		const struct sim_line *l = c->s->log.v[i];
		const char *node = c->s->node[l->node].name;

		if (!all && strcmp(l->user, c->authid) != 0)
			continue;
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "id", pm_arena_printf(c->a, "%u:%s", l->uid, node));
		pm_jw_str(&c->w, "uid", pm_arena_printf(c->a, "%u", l->uid));
		pm_jw_str(&c->w, "msg", l->text);
		pm_jw_str(&c->w, "node", node);
		pm_jw_int(&c->w, "pid", l->pid);
		pm_jw_int(&c->w, "pri", 6);
		pm_jw_str(&c->w, "tag", l->tag);
		pm_jw_int(&c->w, "time", l->time_s);
		pm_jw_str(&c->w, "user", l->user);
		pm_jw_object_end(&c->w);
		most--;
	}
	pm_jw_array_end(&c->w);
}

/* A line as the journal prints it. */
static const char *journal_line(struct sim_call *c, const struct sim_line *l)
{
	char when[32];

	return pm_arena_printf(c->a, "%s %s %s[%u]: <%s> %s",
		pm_format_time(l->time_s * 1000, when), c->s->node[l->node].name, l->tag, l->pid,
		l->user, l->text);
}

static bool of_service(const struct sim_call *c, const struct sim_line *l)
{
	const char *service = pm_s_arg(c, "service");

	return l->node == c->node && (!service || !strcmp(service, l->tag));
}

static void syslog_get(struct sim_call *c)
{
	int64_t start = pm_s_arg_int(c, "start", 0), limit = pm_s_arg_int(c, "limit", 50), n = 0;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->log.n; i++) {
		if (!of_service(c, c->s->log.v[i]))
			continue;
		if (n >= start && (!limit || n < start + limit)) {
			pm_jw_object(&c->w, NULL);
			pm_jw_int(&c->w, "n", n + 1);
			pm_jw_str(&c->w, "t", journal_line(c, c->s->log.v[i]));
			pm_jw_object_end(&c->w);
		}
		n++;
	}
	pm_jw_array_end(&c->w);
	pm_jw_int(&c->w, "total", n);
}

static void journal_get(struct sim_call *c)
{
	int64_t last = pm_s_arg_int(c, "lastentries", MOST_LOG);

	pm_jw_array(&c->w, "data");
	for (size_t i = c->s->log.n > (size_t)last ? c->s->log.n - (size_t)last : 0;
		i < c->s->log.n; i++)
		if (of_service(c, c->s->log.v[i]))
			pm_jw_str(&c->w, NULL, journal_line(c, c->s->log.v[i]));
	pm_jw_array_end(&c->w);
}

/* ---- statistics ---- */

/* The times of a series; nothing was measured at them. */
static void rrddata(struct sim_call *c)
{
	static const struct {
		const char *frame;
		int64_t step;
	} frames[] = { { "hour", 60 }, { "day", 1800 }, { "week", 10800 }, { "month", 43200 },
		{ "year", 604800 }, { "decade", 6048000 } };
	const char *frame = pm_s_arg(c, "timeframe");
	int64_t step = 60, now = pm_s_node_time(c, c->node);

	for (size_t i = 0; i < PM_COUNT(frames); i++)
		if (!strcmp(frame, frames[i].frame))
			step = frames[i].step;
	now -= now % step;
	pm_jw_array(&c->w, "data");
	for (int64_t i = OF_SERIES - 1; i >= 0; i--) {
		pm_jw_object(&c->w, NULL);
		pm_jw_int(&c->w, "time", now - i * step);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void netstat_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->guests.n; i++) {
		const struct sim_guest *g = c->s->guests.v[i];

		for (size_t j = 0; j < g->cur.n && g->running && g->node == c->node; j++) {
			if (pm_s_numbered(g->cur.v[j].k, "net", 31) < 0)
				continue;
			pm_jw_object(&c->w, NULL);
			pm_jw_str(&c->w, "dev", g->cur.v[j].k);
			pm_jw_str(&c->w, "in", "0");
			pm_jw_str(&c->w, "out", "0");
			pm_jw_str(&c->w, "vmid", pm_arena_printf(c->a, "%u", g->vmid));
			pm_jw_object_end(&c->w);
		}
	}
	pm_jw_array_end(&c->w);
}

/* ---- certificates ---- */

static void write_names(struct sim_call *c, X509 *x)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	pm_jw_array(&c->w, "san");
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *s = n->d.ia5;
		const unsigned char *p = ASN1_STRING_get0_data(s);
		cleanup_buf struct pm_buf text = PM_BUF(0);

		if (n->type == GEN_DNS)
			pm_buf_add(&text, (const char *)p, (size_t)ASN1_STRING_length(s));
		else if (ASN1_STRING_length(s) == 4)
			pm_buf_addf(&text, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
		for (int j = 0; n->type == GEN_IPADD && ASN1_STRING_length(s) == 16 && j < 8; j++)
			pm_buf_addf(&text, "%s%02x%02x", j ? ":" : "", p[(size_t)2 * j],
				p[(size_t)2 * j + 1]);
		pm_jw_str(&c->w, NULL, pm_buf_str(&text));
	}
	pm_jw_array_end(&c->w);
	GENERAL_NAMES_free(names);
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;

	(void)ASN1_TIME_diff(&days, &seconds, epoch, t);
	ASN1_TIME_free(epoch);
	return (int64_t)days * 86400 + seconds;
}

static void write_certificate(struct sim_call *c, const char *file, const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	unsigned char md[EVP_MAX_MD_SIZE];
	char name[256], print[3 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned n = 0;

	pm_assert(x);
	X509_digest(x, EVP_sha256(), md, &n);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(print + (size_t)3 * i, 4, "%02X%s", md[i], i + 1 < n ? ":" : "");
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "filename", file);
	pm_jw_str(&c->w, "fingerprint", print);
	pm_jw_str(&c->w, "issuer", X509_NAME_oneline(X509_get_issuer_name(x), name, sizeof(name)));
	pm_jw_int(&c->w, "notafter", seconds_of(X509_get0_notAfter(x)));
	pm_jw_int(&c->w, "notbefore", seconds_of(X509_get0_notBefore(x)));
	pm_jw_str(&c->w, "pem", pem);
	pm_jw_int(&c->w, "public-key-bits", EVP_PKEY_get_bits(X509_get0_pubkey(x)));
	pm_jw_str(&c->w, "public-key-type", "id-ecPublicKey");
	pm_jw_str(
		&c->w, "subject", X509_NAME_oneline(X509_get_subject_name(x), name, sizeof(name)));
	write_names(c, x);
	pm_jw_object_end(&c->w);
	X509_free(x);
	BIO_free(b);
}

static void certificates_get(struct sim_call *c)
{
	const struct sim_node *n = &c->s->node[c->node];

	pm_jw_array(&c->w, "data");
	if (n->pem) {
		write_certificate(c, "pve-root-ca.pem", n->ca_pem);
		write_certificate(c, "pve-ssl.pem", n->pem);
	}
	pm_jw_array_end(&c->w);
}

/* ---- packages ---- */

static void packages_get(struct sim_call *c)
{
	static const char *const packages[][2] = { { "proxmox-ve", "9.2.0" },
		{ "pve-manager", SIM_VERSION }, { "pve-container", "6.1.10" },
		{ "qemu-server", "9.2.6" }, { "libpve-http-server-perl", "6.0.5" },
		{ "libpve-common-perl", "9.2.1" }, { "libpve-access-control", "9.1.1" },
		{ "libpve-guest-common-perl", "6.0.2" }, { "pve-cluster", "9.1.6" },
		{ "libpve-storage-perl", "9.1.7" }, { "pve-firewall", "6.0.4" },
		{ "pve-ha-manager", "5.2.0" }, { "libpve-network-perl", "1.3.0" },
		{ "pve-docs", "9.1.3" } };

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < PM_COUNT(packages); i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "Package", packages[i][0]);
		pm_jw_str(&c->w, "Title", packages[i][0]);
		pm_jw_str(&c->w, "Version", packages[i][1]);
		pm_jw_str(&c->w, "OldVersion", packages[i][1]);
		pm_jw_str(&c->w, "CurrentState", "Installed");
		pm_jw_str(&c->w, "Arch", "amd64");
		pm_jw_str(&c->w, "Origin", "Proxmox");
		pm_jw_str(&c->w, "Priority", "optional");
		pm_jw_str(&c->w, "Section", "admin");
		if (!strcmp(packages[i][0], "proxmox-ve"))
			pm_jw_str(&c->w, "RunningKernel", "6.18.0-pve");
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void updates_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	pm_jw_array_end(&c->w);
}

static void updates_post(struct sim_call *c)
{
	pm_s_task_go(c, pm_s_task(c, "aptupdate", "", 0));
}

/* ---- what can be fetched from elsewhere ---- */

static const struct template
{
	const char *package, *version, *file, *headline;
}
templates[] = {
	{ "alpine-3.22-default", "20250617", "alpine-3.22-default_20250617_amd64.tar.xz",
		"LXC default image for alpine 3.22" },
	{ "debian-12-standard", "12.12-1", "debian-12-standard_12.12-1_amd64.tar.zst",
		"Debian 12 Bookworm (standard)" },
	{ "debian-13-standard", "13.1-2", "debian-13-standard_13.1-2_amd64.tar.zst",
		"Debian 13 Trixie (standard)" },
};

#define TEMPLATES "http://download.proxmox.com/images/system"

/* Of what would be downloaded: nobody ever sees the file itself. */
static const char *checksum(const char *algorithm, const char *file, char out[129])
{
	pm_assert(pm_s_digest(algorithm, file, strlen(file), out));
	return out;
}

static void aplinfo_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < PM_COUNT(templates); i++) {
		const struct template *t = &templates[i];
		char os[32], sum[129];

		(void)snprintf(os, sizeof(os), "%.*s", (int)(strrchr(t->package, '-') - t->package),
			t->package);
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "architecture", "amd64");
		pm_jw_str(&c->w, "description", t->headline);
		pm_jw_str(&c->w, "headline", t->headline);
		pm_jw_str(&c->w, "infopage", "https://pve.proxmox.com");
		pm_jw_str(&c->w, "location", pm_arena_printf(c->a, TEMPLATES "/%s", t->file));
		pm_jw_str(&c->w, "maintainer", "Proxmox Support Team");
		pm_jw_str(&c->w, "os", os);
		pm_jw_str(&c->w, "package", t->package);
		pm_jw_str(&c->w, "section", "system");
		pm_jw_str(&c->w, "source", "http://download.proxmox.com/images");
		pm_jw_str(&c->w, "template", t->file);
		pm_jw_str(&c->w, "type", "lxc");
		pm_jw_str(&c->w, "version", t->version);
		pm_jw_str(&c->w, "md5sum", checksum("md5", t->file, sum));
		pm_jw_str(&c->w, "sha512sum", checksum("sha512", t->file, sum));
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void aplinfo_post(struct sim_call *c)
{
	const char *file = pm_s_arg(c, "template");

	for (size_t i = 0; i < PM_COUNT(templates); i++)
		if (!strcmp(templates[i].file, file)) {
			pm_s_fetch(c, "vztmpl", file, pm_arena_printf(c->a, TEMPLATES "/%s", file));
			return;
		}
	pm_s_bad(c, "template", "no such template");
}

/* Every image that is not named "missing" is there, with three tags. */
static void tags_get(struct sim_call *c)
{
	const char *ref = pm_s_arg(c, "reference");

	if (c->s->offline || strstr(ref, "missing")) {
		pm_s_fail(
			c, 500, "command 'skopeo list-tags docker://%s' failed: exit code 1", ref);
		return;
	}
	pm_jw_raw(&c->w, "data", "[\"1.0\",\"1.1\",\"latest\"]");
}

static void metadata_get(struct sim_call *c)
{
	const char *url = pm_s_arg(c, "url"), *slash = strrchr(url, '/');

	if (c->s->offline || strstr(url, "missing")) {
		pm_s_fail(c, 500, "invalid server response: '500 Can't connect to %s'", url);
		return;
	}
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "filename",
		pm_arena_strndup(
			c->a, slash ? slash + 1 : url, strcspn(slash ? slash + 1 : url, "?#")));
	pm_jw_str(&c->w, "mimetype", "application/octet-stream");
	pm_jw_int(&c->w, "size", 1048576);
	pm_jw_object_end(&c->w);
}

const struct sim_route pm_s_routes_host[] = {
	{ "GET", "/cluster/log", log_get, 0, NULL, NULL },
	{ "GET", "/nodes/{node}/syslog", syslog_get, NODE, "/nodes/{node} Sys.Syslog", NULL },
	{ "GET", "/nodes/{node}/journal", journal_get, NODE, "/nodes/{node} Sys.Syslog", NULL },
	{ "GET", "/nodes/{node}/rrddata", rrddata, NODE, AUDIT, "timeframe" },
	{ "GET", "/nodes/{node}/lxc/{vmid}/rrddata", rrddata, NODE, "/vms/{vmid} VM.Audit",
		"timeframe" },
	{ "GET", "/nodes/{node}/qemu/{vmid}/rrddata", rrddata, NODE, "/vms/{vmid} VM.Audit",
		"timeframe" },
	{ "GET", "/nodes/{node}/storage/{storage}/rrddata", rrddata, NODE,
		"/storage/{storage} Datastore.Audit|Datastore.AllocateSpace", "timeframe" },
	{ "GET", "/nodes/{node}/netstat", netstat_get, SIM_NODE, AUDIT, NULL },
	{ "GET", "/nodes/{node}/certificates/info", certificates_get, SIM_NODE, NULL, NULL },
	{ "GET", "/nodes/{node}/apt/versions", packages_get, SIM_NODE, AUDIT, NULL },
	{ "GET", "/nodes/{node}/apt/update", updates_get, NODE, "/nodes/{node} Sys.Modify", NULL },
	{ "POST", "/nodes/{node}/apt/update", updates_post, NODE, "/nodes/{node} Sys.Modify",
		NULL },
	{ "GET", "/nodes/{node}/aplinfo", aplinfo_get, SIM_NODE, NULL, NULL },
	{ "POST", "/nodes/{node}/aplinfo", aplinfo_post, NODE,
		"/storage/{storage} Datastore.AllocateTemplate", "storage template" },
	{ "GET", "/nodes/{node}/query-oci-repo-tags", tags_get, NODE,
		"/nodes/{node} Sys.AccessNetwork", "reference" },
	{ "GET", "/nodes/{node}/query-url-metadata", metadata_get, NODE,
		"/nodes/{node} Sys.AccessNetwork", "url" },
	{ 0 },
};
