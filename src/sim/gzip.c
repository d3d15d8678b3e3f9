/* Compressed answers. */
#define ZLIB_CONST
#include <zlib.h>

#include "sim/sim_priv.h"

struct pm_sim_blob *pm_s_gzip(const char *p, size_t n)
{
	struct pm_sim_blob *b = pm_xcalloc(1, sizeof(*b));
	z_stream z = { 0 };
	size_t room;

	if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		pm_assert(!"zlib cannot be used");
	room = deflateBound(&z, (uLong)n) + 1;
	b->p = pm_xcalloc(1, room);
	z.next_in = (const Bytef *)p;
	z.avail_in = (uInt)n;
	z.next_out = (Bytef *)b->p;
	z.avail_out = (uInt)room;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		pm_assert(!"zlib did not end");
	b->n = z.total_out;
	b->refs = 1;
	deflateEnd(&z);
	return b;
}
