/* Growth of arrays: doubles, so that pushing n items costs n. */
#include "base/vec.h"

#include <stdint.h>

void *pm_vec_grow(void *v, size_t *cap, size_t need, size_t size)
{
	size_t more = *cap > 0 ? *cap : 8;

	if (need <= *cap)
		return v;
	while (more < need)
		more *= 2;
	pm_assert(more <= SIZE_MAX / size);
	v = pm_xrealloc(v, more * size);
	*cap = more;
	return v;
}
