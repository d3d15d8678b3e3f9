/* Files of the local system. */
#ifndef PM_BASE_FILE_H
#define PM_BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/** Reads a regular file whole, at most `max` bytes (-PM_E_LIMIT above). `dirfd` may be AT_FDCWD. Never
 * blocks on a FIFO or device: they are refused. `ret` is emptied first and its memory used again. */
int pm_file_read(
	int dirfd, const char *path, size_t max, struct pm_buf *ret, struct pm_error *err) PM_CHECK;

/** Writes a file so that readers see the old or the new one, never a part: temporary file in the same
 * folder (a hidden one that ends in ".tmp"), fsync, rename, fsync of the folder. The mode is set exactly. */
int pm_file_write(
	const char *path, const void *data, size_t n, mode_t mode, struct pm_error *err) PM_CHECK;

/** Gives a file that root has made in another user's folder to that user: a service with a user of its own must
 * be able to use what a command of root leaves there. Nothing happens to other files, and for other users. */
void pm_file_give(int fd, const char *path);

/** Makes a folder with its parents. */
int pm_dir_make(const char *path, mode_t mode, struct pm_error *err) PM_CHECK;

#endif
