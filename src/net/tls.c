/* Whom we trust: certificates signed by a CA, or exactly the pinned ones. The judgement is made inside
 * the handshake, so nothing of a request is ever sent to a server that fails it. */
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <strings.h>

#include "io_priv.h"

/* "AB:CD:..." as PVE and openssl print it. */
static void show_fingerprint(X509 *cert, char out[96])
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *p = out;

	out[0] = '\0';
	if (!cert || !X509_digest(cert, EVP_sha256(), md, &n) || n != 32)
		return;
	for (unsigned i = 0; i < n; i++) {
		*p++ = hex[md[i] >> 4];
		*p++ = hex[md[i] & 15];
		*p++ = ':';
	}
	p[-1] = '\0';
}

static bool same_digits(const char *shown, const char *pinned)
{
	for (; *shown; shown++) {
		if (*shown == ':')
			continue;
		if (*pinned == ':')
			pinned++;
		if (strncasecmp(shown, pinned, 1) != 0)
			return false;
		pinned++;
	}
	return *pinned == '\0';
}

static bool pinned(const struct pm_slot *s)
{
	for (unsigned i = 0; i < s->site->nfingerprints; i++) {
		if (s->seen[0] && same_digits(s->seen, s->site->fingerprints[i]))
			return true;
	}
	return false;
}

static int judge(X509_STORE_CTX *chain, void *arg)
{
	struct pm_slot *s = arg;
	int error;

	show_fingerprint(X509_STORE_CTX_get0_cert(chain), s->seen);
	if (s->site->nfingerprints > 0) {
		if (pinned(s)) {
			X509_STORE_CTX_set_error(chain, X509_V_OK);
			return 1;
		}
		s->distrust = "it is not one of the pinned ones";
		X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	if (X509_verify_cert(chain) > 0)
		return 1;
	error = X509_STORE_CTX_get_error(chain);
	s->distrust = X509_verify_cert_error_string(error);
	if (error == X509_V_OK)
		X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
	return 0;
}

static CURLcode on_context(CURL *easy, void *context, void *arg)
{
	struct pm_slot *s = arg;

	(void)easy;
	s->new_tls = true;
	if (!s->site->insecure)
		SSL_CTX_set_cert_verify_callback(context, judge, s);
	return CURLE_OK;
}

void pm_tls_setup(struct pm_slot *s)
{
	const struct pm_site *site = s->site;
	const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
	CURL *e = s->easy;

	(void)curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L);
	(void)curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_context);
	(void)curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, s);
	(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, site->insecure ? 0L : 1L);
	(void)curl_easy_setopt(
		e, CURLOPT_SSL_VERIFYHOST, site->insecure || site->nfingerprints > 0 ? 0L : 2L);
	(void)curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, site->alone ? 0L : 1L);
	if (site->insecure || site->nfingerprints > 0) {
		(void)curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
		(void)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	} else if (site->ca_file) {
		(void)curl_easy_setopt(e, CURLOPT_CAINFO, site->ca_file);
		(void)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	} else if (built->cainfo) {
		/* libcurl keeps CAs in memory only when they come from a file alone. */
		(void)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
}

bool pm_tls_resumed(CURL *easy)
{
	struct curl_tlssessioninfo *info = NULL;

	return curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK && info &&
	       info->backend == CURLSSLBACKEND_OPENSSL && info->internals &&
	       SSL_session_reused(info->internals);
}

int pm_tls_distrust(const struct pm_slot *s, struct pm_error *err)
{
	const char *why = s->distrust ? s->distrust : s->message;

	if (s->site->nfingerprints > 0)
		return pm_error_set(err, PM_E_AUTH,
			"the certificate with fingerprint %s is not trusted: %s; compare it with "
			"\"openssl x509 -noout -sha256 -fingerprint -in "
			"/etc/pve/local/pve-ssl.pem\" on the node, and when it is the same put it "
			"under fingerprints",
			s->seen, why);
	return pm_error_set(err, PM_E_AUTH,
		"the certificate with fingerprint %s is not trusted: %s; name the CA that signed it "
		"(of a cluster: /etc/pve/pve-root-ca.pem) as ca, or put the fingerprint under "
		"fingerprints after comparing it on the node",
		s->seen[0] ? s->seen : "(unknown)", why);
}
