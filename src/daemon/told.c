/* The board as JSON: what /status, `podmox status` and `podmox history` answer, and the line for systemd.
 * Times are texts in UTC; what is not known is null. */
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/face_priv.h"
#include "version.h"

#define OBJECTS_MOST 1000

static void put_time(struct pm_jwrite *w, const char *key, int64_t ms)
{
	char text[32];

	pm_jw_str(w, key, ms > 0 ? pm_format_time(ms, text) : NULL);
}

bool pm_told_in_place(const struct pm_board_view *v)
{
	return v->wanted.id && v->applied.id && strcmp(v->wanted.id, v->applied.id) == 0;
}

static void put_revision(struct pm_jwrite *w, const char *key, const struct pm_revision *r)
{
	if (!r->id) {
		pm_jw_str(w, key, NULL);
		return;
	}
	pm_jw_object(w, key);
	pm_jw_str(w, "id", r->id);
	pm_jw_str(w, "subject", r->subject);
	put_time(w, "at", r->at_ms);
	pm_jw_object_end(w);
}

static void put_object(struct pm_jwrite *w, const struct pm_board_object *o)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "id", o->id);
	pm_jw_str(w, "state", pm_sync_name(o->sync));
	pm_jw_str(w, "node", o->node);
	if (o->vmid > 0)
		pm_jw_int(w, "vmid", o->vmid);
	pm_jw_str(w, "verb", o->verb == PM_V_KEEP ? NULL : pm_verb_name(o->verb));
	pm_jw_str(w, "changes", o->changes);
	pm_jw_str(w, "why", o->why);
	pm_jw_str(w, "by", o->by);
	if (o->sync == PM_SYNC_FAILING)
		pm_jw_str(w, "code", pm_code_name(o->code));
	pm_jw_int(w, "attempts", o->attempts);
	put_time(w, "next", o->next_ms);
	put_time(w, "since", o->since_ms);
	pm_jw_object_end(w);
}

static void put_objects(struct pm_jwrite *w, const struct pm_board_view *v, bool all)
{
	size_t shown = 0, out = 0;

	pm_jw_object(w, "summary");
	for (unsigned i = 0; i < PM_SYNC_MAX; i++)
		pm_jw_int(w, pm_sync_name(i), v->sync[i]);
	pm_jw_object_end(w);
	pm_jw_array(w, "objects");
	for (size_t i = 0; i < v->nobjects; i++) {
		if (!all && v->object[i].sync == PM_SYNC_OK)
			continue;
		if (!all && shown == OBJECTS_MOST) {
			out++;
			continue;
		}
		put_object(w, &v->object[i]);
		shown++;
	}
	pm_jw_array_end(w);
	if (out > 0)
		pm_jw_int(w, "objectsNotShown", (int64_t)out);
}

static void put_files(struct pm_jwrite *w, const struct pm_board_view *v)
{
	pm_jw_array(w, "brokenFiles");
	for (size_t i = 0; i < v->nfiles; i++) {
		const struct pm_board_file *f = &v->file[i];

		pm_jw_object(w, NULL);
		pm_jw_str(w, "file", f->path);
		if (f->line > 0)
			pm_jw_int(w, "line", f->line);
		if (f->column > 0)
			pm_jw_int(w, "column", f->column);
		pm_jw_str(w, "why", f->why);
		pm_jw_bool(w, "lastGoodInForce", f->kept);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
	pm_jw_array(w, "suspensions");
	for (size_t i = 0; i < v->nsuspensions; i++) {
		const struct pm_board_suspension *s = &v->suspension[i];

		pm_jw_object(w, NULL);
		pm_jw_str(w, "object", s->object);
		pm_jw_str(w, "reason", s->reason);
		pm_jw_str(w, "by", s->by);
		put_time(w, "since", s->at_ms);
		put_time(w, "until", s->until_ms);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
}

static void put_cycle(struct pm_jwrite *w, const struct pm_board_cycle *c)
{
	if (c->number == 0) {
		pm_jw_str(w, "lastCycle", NULL);
		return;
	}
	pm_jw_object(w, "lastCycle");
	pm_jw_int(w, "number", (int64_t)c->number);
	pm_jw_str(w, "why", c->why);
	pm_jw_str(w, "result", pm_code_name(c->code));
	pm_jw_str(w, "error", c->error);
	put_time(w, "began", c->began_ms);
	put_time(w, "ended", c->ended_ms);
	pm_jw_int(w, "readMs", c->read_ms);
	pm_jw_int(w, "applyMs", c->apply_ms);
	pm_jw_int(w, "done", c->done);
	pm_jw_int(w, "failed", c->failed);
	pm_summary_print_json(w, "plan", &c->plan);
	pm_jw_object_end(w);
}

static void put_cluster(struct pm_jwrite *w, const struct pm_board_cluster *c)
{
	pm_jw_object(w, "cluster");
	pm_jw_str(w, "name", c->name);
	pm_jw_str(w, "version", c->version);
	pm_jw_bool(w, "known", c->known);
	pm_jw_bool(w, "quorate", c->quorate);
	pm_jw_str(w, "paused", c->paused);
	pm_jw_int(w, "guests", c->nguests);
	pm_jw_array(w, "nodes");
	for (unsigned i = 0; i < c->nnodes; i++) {
		pm_jw_object(w, NULL);
		pm_jw_str(w, "name", c->node[i].name);
		pm_jw_bool(w, "online", c->node[i].online);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
	put_time(w, "read", c->at_ms);
	pm_jw_object_end(w);
}

static void put_source(struct pm_jwrite *w, const struct pm_board_view *v)
{
	put_revision(w, "wanted", &v->wanted);
	put_revision(w, "applied", &v->applied);
	pm_jw_bool(w, "inPlace", pm_told_in_place(v));
	put_revision(w, "held", &v->held);
	pm_jw_str(w, "heldWhy", v->held_why);
	pm_jw_object(w, "source");
	pm_jw_str(w, "folder", v->folder);
	put_time(w, "read", v->good_ms);
	pm_jw_str(w, "error", v->source_why);
	pm_jw_object_end(w);
}

void pm_told_status(struct pm_jwrite *w, const char *key, const struct pm_board_view *v, bool all)
{
	pm_jw_object(w, key);
	pm_jw_str(w, "version", "1");
	pm_jw_str(w, "podmox", PM_VERSION);
	pm_jw_int(w, "pid", getpid());
	pm_jw_str(w, "set", v->set);
	put_time(w, "now", v->now_ms);
	put_time(w, "started", v->started_ms);
	pm_jw_bool(w, "observe", v->observe);
	pm_jw_str(w, "doing", pm_doing_name(v->doing));
	pm_jw_str(w, "why", v->why);
	put_time(w, "doingSince", v->doing_since_ms);
	pm_jw_str(w, "next", v->next);
	put_time(w, "nextAt", v->next_ms);
	put_source(w, v);
	pm_jw_str(w, "configError", v->config_why);
	pm_jw_str(w, "lockHolder", v->lock_holder);
	put_cycle(w, &v->last);
	put_time(w, "swept", v->sweep_ms);
	put_cluster(w, &v->cluster);
	put_objects(w, v, all);
	put_files(w, v);
	pm_jw_int(w, "asked", (int64_t)v->asked);
	pm_jw_int(w, "answered", (int64_t)v->answered);
	pm_jw_object_end(w);
}

static void put_entry(struct pm_jwrite *w, const struct pm_board_entry *e)
{
	pm_jw_object(w, NULL);
	put_time(w, "time", e->at_ms);
	pm_jw_str(w, "what", pm_happening_name(e->what));
	pm_jw_str(w, "revision", e->revision);
	pm_jw_str(w, "object", e->object);
	pm_jw_str(w, "verb", e->verb);
	pm_jw_str(w, "text", e->text);
	if (e->what == PM_HAP_FAILED)
		pm_jw_str(w, "code", pm_code_name(e->code));
	if (e->vmid > 0)
		pm_jw_int(w, "vmid", e->vmid);
	pm_jw_int(w, "tookMs", e->took_ms);
	pm_jw_object_end(w);
}

void pm_told_history(struct pm_jwrite *w, const char *key, const struct pm_board_view *v,
	const char *object, size_t most)
{
	size_t from = v->nentries, n = 0;

	while (from > 0 && n < most) {
		from--;
		n += !object || pm_str_eq(v->entry[from].object, object);
	}
	pm_jw_object(w, key);
	pm_jw_str(w, "version", "1");
	pm_jw_str(w, "set", v->set);
	pm_jw_array(w, "entries");
	for (; from < v->nentries; from++)
		if (!object || pm_str_eq(v->entry[from].object, object))
			put_entry(w, &v->entry[from]);
	pm_jw_array_end(w);
	pm_jw_object_end(w);
}

void pm_told_line(struct pm_buf *out, const struct pm_board_view *v)
{
	unsigned objects = 0;

	for (unsigned i = 0; i < PM_SYNC_MAX; i++)
		objects += v->sync[i];
	(void)pm_buf_addf(out, "%s", pm_doing_name(v->doing));
	if (v->why)
		(void)pm_buf_addf(out, " (%s)", v->why);
	(void)pm_buf_addf(out, "; %u of %u objects in sync", v->sync[PM_SYNC_OK], objects);
	for (unsigned i = 0; i < PM_SYNC_MAX; i++)
		if (i != PM_SYNC_OK && v->sync[i] > 0)
			(void)pm_buf_addf(out, ", %u %s", v->sync[i], pm_sync_name(i));
	if (v->held.id)
		(void)pm_buf_addf(out, "; revision %.12s waits for approval", v->held.id);
	if (v->cluster.paused)
		(void)pm_buf_addf(out, "; writes paused: %s", v->cluster.paused);
}
