/* What the libraries cost alone, for the benchmark to compare with in the same run:
 *
 *   floor yaml FOLDER            reads every file and asks libyaml for its events
 *   floor http URL HEADER FILE   GETs URL + each line of FILE over 6 connections, throws the answers away
 *
 * No parsing of what comes back, no memory kept: less than this nobody can pay. */
#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define CONNECTIONS 6

static size_t events_of(const char *path)
{
	static unsigned char text[1 << 20];
	yaml_parser_t parser;
	yaml_event_t event;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	size_t events = 0;
	int end = 0;

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0 || !yaml_parser_initialize(&parser))
		return 0;
	yaml_parser_set_input_string(&parser, text, (size_t)n);
	while (!end && yaml_parser_parse(&parser, &event)) {
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		events++;
	}
	yaml_parser_delete(&parser);
	return events;
}

static size_t read_folder(const char *path)
{
	DIR *dir = opendir(path);
	size_t events = 0;

	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		events += e->d_type == DT_DIR ? read_folder(name) : events_of(name);
	}
	if (dir)
		(void)closedir(dir);
	return events;
}

static size_t throw_away(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	*(size_t *)arg += size * n;
	return size * n;
}

/* The next path into the handle; 0: there is none. */
static int next(CURL *easy, const char *base, FILE *paths)
{
	char path[512];
	char url[1024];

	if (!fgets(path, sizeof(path), paths))
		return 0;
	path[strcspn(path, "\n")] = '\0';
	(void)snprintf(url, sizeof(url), "%s%s", base, path);
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	return 1;
}

static size_t get_all(const char *base, const char *header, FILE *paths)
{
	struct curl_slist *headers = curl_slist_append(NULL, header);
	CURLM *multi = curl_multi_init();
	CURL *easy[CONNECTIONS] = { NULL };
	size_t bytes = 0;
	int running = 1, left;

	for (int i = 0; i < CONNECTIONS; i++) {
		easy[i] = curl_easy_init();
		(void)curl_easy_setopt(easy[i], CURLOPT_HTTPHEADER, headers);
		(void)curl_easy_setopt(easy[i], CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(easy[i], CURLOPT_SSL_VERIFYHOST, 0L);
		(void)curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, throw_away);
		(void)curl_easy_setopt(easy[i], CURLOPT_WRITEDATA, &bytes);
		if (next(easy[i], base, paths))
			(void)curl_multi_add_handle(multi, easy[i]);
	}
	while (running > 0) {
		(void)curl_multi_perform(multi, &running);
		for (CURLMsg *m; (m = curl_multi_info_read(multi, &left)) != NULL;) {
			CURL *done = m->easy_handle;

			(void)curl_multi_remove_handle(multi, done);
			if (next(done, base, paths)) {
				(void)curl_multi_add_handle(multi, done);
				running = 1;
			}
		}
		(void)curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		curl_easy_cleanup(easy[i]);
	(void)curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	return bytes;
}

int main(int argc, char **argv)
{
	FILE *paths;

	if (argc == 3 && strcmp(argv[1], "yaml") == 0) {
		(void)printf("%zu events\n", read_folder(argv[2]));
		return 0;
	}
	paths = argc == 5 && strcmp(argv[1], "http") == 0 ? fopen(argv[4], "re") : NULL;
	if (!paths)
		return 64;
	(void)printf("%zu bytes\n", get_all(argv[2], argv[3], paths));
	(void)fclose(paths);
	return 0;
}
