/* Functions that do not compile here: each has a safe way in base/. Included before every file by the
 * Makefile. The system's headers come first, so that only our own calls are caught. */
#ifndef PM_BASE_BANNED_H
#define PM_BASE_BANNED_H

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The name of the undeclared function that the compiler then reports is the advice. */
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef strtok
#undef sprintf
#undef vsprintf
#undef alloca
#undef atoi
#undef rand
#define strcpy(...)    pm_banned_strcpy_use_pm_buf_or_pm_arena_strdup
#define strcat(...)    pm_banned_strcat_use_pm_buf
#define strncpy(...)   pm_banned_strncpy_use_pm_buf_or_snprintf
#define strncat(...)   pm_banned_strncat_use_pm_buf
#define strtok(...)    pm_banned_strtok_it_keeps_state
#define sprintf(...)   pm_banned_sprintf_use_snprintf_or_pm_buf
#define vsprintf(...)  pm_banned_vsprintf_use_vsnprintf_or_pm_buf
#define alloca(...)    pm_banned_alloca_use_an_arena
#define atoi(...)      pm_banned_atoi_use_pm_parse_int
#define atol(...)      pm_banned_atol_use_pm_parse_int
#define atoll(...)     pm_banned_atoll_use_pm_parse_int
#define atof(...)      pm_banned_atof_use_pm_parse_milli
#define strtol(...)    pm_banned_strtol_use_pm_parse_int
#define strtoll(...)   pm_banned_strtoll_use_pm_parse_int
#define strtoul(...)   pm_banned_strtoul_use_pm_parse_int
#define strtoull(...)  pm_banned_strtoull_use_pm_parse_int
#define gmtime(...)    pm_banned_gmtime_use_gmtime_r
#define localtime(...) pm_banned_localtime_use_localtime_r
#define asctime(...)   pm_banned_asctime_use_pm_format_time
#define ctime(...)     pm_banned_ctime_use_pm_format_time
#define rand(...)      pm_banned_rand_use_pm_random
#define system(...)    pm_banned_system_starts_a_shell
#define popen(...)     pm_banned_popen_starts_a_shell
#define exit(...)      pm_banned_exit_return_from_main
#define time(...)      pm_banned_time_use_pm_clock
#define sleep(...)     pm_banned_sleep_use_pm_wait_ns
#define usleep(...)    pm_banned_usleep_use_pm_wait_ns

#endif
