/* What every header of the library starts with. */
#ifndef PODMOX_EXPORT_H
#define PODMOX_EXPORT_H

#if defined(__GNUC__)
#	define PODMOX_API __attribute__((visibility("default")))
#else
#	define PODMOX_API
#endif

#ifdef __cplusplus
#	define PODMOX_BEGIN extern "C" {
#	define PODMOX_END   }
#else
#	define PODMOX_BEGIN
#	define PODMOX_END
#endif

#endif
