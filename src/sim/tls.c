/* Certificates of a simulated cluster: one authority made at start, one leaf a node, all in memory. */
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "sim/http_priv.h"

#define DAY 86400L

/* Valid for a year, or until yesterday. */
static X509 *blank(EVP_PKEY *key, const char *name, bool expired)
{
	X509 *x = X509_new();
	unsigned char serial[8];
	ASN1_INTEGER *number;
	BIGNUM *bn;

	pm_assert(x && RAND_bytes(serial, sizeof(serial)) == 1);
	serial[0] &= 0x7f;
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	number = BN_to_ASN1_INTEGER(bn, NULL);
	X509_set_version(x, 2);
	X509_set_serialNumber(x, number);
	ASN1_INTEGER_free(number);
	BN_free(bn);
	X509_gmtime_adj(X509_getm_notBefore(x), expired ? -30 * DAY : -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), expired ? -DAY : 365 * DAY);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "O", MBSTRING_ASC,
		(const unsigned char *)"podmox-sim", -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	return x;
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	pm_assert(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

void pm_s_tls_authority(struct sim_authority *a)
{
	a->key = EVP_EC_gen("P-256");
	pm_assert(a->key);
	a->cert = blank(a->key, "podmox-sim CA", false);
	X509_set_issuer_name(a->cert, X509_get_subject_name(a->cert));
	extend(a->cert, a->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(a->cert, a->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(a->cert, a->cert, NID_subject_key_identifier, "hash");
	pm_assert(X509_sign(a->cert, a->key, EVP_sha256()) > 0);
}

void pm_s_tls_authority_done(struct sim_authority *a)
{
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

char *pm_s_tls_pem(const X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());
	struct pm_buf out = PM_BUF(0);
	char *p;
	long n;

	PEM_write_bio_X509(b, x);
	n = BIO_get_mem_data(b, &p);
	pm_buf_add(&out, p, (size_t)n);
	BIO_free(b);
	return pm_buf_steal(&out);
}

SSL_CTX *pm_s_tls_node(const struct sim_authority *a, const char *name, const char *ip,
	bool expired, char fingerprint[96])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = blank(key, name, expired);
	unsigned char md[EVP_MAX_MD_SIZE];
	char san[200];
	unsigned n = 0;

	(void)snprintf(san, sizeof(san),
		"IP:127.0.0.1,IP:::1,DNS:localhost,IP:%s,DNS:%s,DNS:%s.rig.test", ip, name, name);
	X509_set_issuer_name(x, X509_get_subject_name(a->cert));
	extend(x, a->cert, NID_basic_constraints, "CA:FALSE");
	extend(x, a->cert, NID_ext_key_usage, "serverAuth");
	extend(x, a->cert, NID_subject_alt_name, san);
	extend(x, a->cert, NID_authority_key_identifier, "keyid");
	pm_assert(ctx && X509_sign(x, a->key, EVP_sha256()) > 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"podmox-sim", 10);
	pm_assert(SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
	X509_digest(x, EVP_sha256(), md, &n);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(
			fingerprint + (size_t)3 * i, 4, "%02X%s", md[i], i + 1 < n ? ":" : "");
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}
