/* One look at a host: whom it says it is, until when, and what its clock says. The same handle, the same
 * rules of trust and the same errors as every other call, but on a connection of its own. */
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "io_priv.h"

#define PROBE_MS 10000u

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
	curl_off_t up) /* as libcurl wants it */
{
	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	return pm_cancelled(arg, &pm_clock_system);
}

/* The end of the host's own certificate: the first of the chain. */
static int64_t certificate_end(CURL *e)
{
	static const char key[] = "Expire date:";
	struct curl_certinfo *chain = NULL;

	if (curl_easy_getinfo(e, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
		chain->num_of_certs < 1)
		return 0;
	for (const struct curl_slist *l = chain->certinfo[0]; l; l = l->next) {
		int64_t end;

		if (strncasecmp(l->data, key, sizeof(key) - 1) != 0)
			continue;
		end = (int64_t)curl_getdate(l->data + sizeof(key) - 1, NULL);
		return end > 0 ? end : 0;
	}
	return 0;
}

static int64_t date_of(CURL *e)
{
	struct curl_header *h = NULL;
	int64_t s;

	if (curl_easy_header(e, "Date", 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return 0;
	s = (int64_t)curl_getdate(h->value, NULL);
	return s > 0 ? s : 0;
}

static void look(struct pm_slot *s, struct pm_cancel *cancel, struct pm_probe *ret)
{
	uint64_t since = pm_mono_ns(&pm_clock_system);
	CURLcode result;

	(void)curl_easy_setopt(s->easy, CURLOPT_CERTINFO, 1L);
	(void)curl_easy_setopt(s->easy, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(s->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(s->easy, CURLOPT_XFERINFODATA, cancel);
	result = curl_easy_perform(s->easy);
	ret->took_ms = (unsigned)((pm_mono_ns(&pm_clock_system) - since) / PM_MS_NS);
	memcpy(ret->fingerprint, s->seen, sizeof(ret->fingerprint));
	if (result == CURLE_OK) {
		ret->until_s = certificate_end(s->easy);
		ret->date_s = date_of(s->easy);
	}
	pm_slot_end(s, result);
}

int pm_net_probe(const struct pm_host *h, const char *path, struct pm_cancel *cancel,
	struct pm_probe *ret, struct pm_error *err)
{
	struct pm_call call = { .host = h,
		.method = "GET",
		.path = path,
		.timeout_ms = PROBE_MS,
		.max_body = 1 << 20 };
	struct pm_sites sites = { 0 };
	struct pm_site *site = pm_site_of(&sites, h);
	struct pm_slot *s;
	struct pm_error wrong = { 0 };
	int r;

	memset(ret, 0, sizeof(*ret));
	site->alone = true;
	s = pm_slot_new(site, NULL, NULL);
	s->call = &call;
	call.body_in = (struct pm_buf)PM_BUF(call.max_body);
	r = pm_slot_begin(s, &wrong);
	if (r == 0)
		look(s, cancel, ret);
	else
		call.err = wrong;
	ret->status = call.status;
	if (pm_cancelled(cancel, &pm_clock_system))
		r = pm_error_set(err, PM_E_CANCELLED, "interrupted");
	else if (call.err.code != PM_OK)
		r = pm_error_set(err, call.err.code, "%s", call.err.msg);
	pm_call_done(&call);
	pm_slot_free(s);
	pm_site_free(site);
	pm_vec_done(&sites);
	return r;
}
