/* Texts made of rows: JSON Schema, reference pages, `podmox explain`. Deterministic: `make
 * check-generated` compares them with the tree. */
#ifndef PM_MODEL_DOCS_H
#define PM_MODEL_DOCS_H

#include "base/buf.h"
#include "base/error.h"
#include "model/field.h"

/** JSON Schema (draft-07) of one kind, or of all when k is NULL. Pretty-printed, newline at the end. */
void pm_schema_write(const struct pm_kind *k, struct pm_buf *out);

/** Reference page of one kind (Markdown). */
void pm_docs_write(const struct pm_kind *k, struct pm_buf *out);

/** The page docs/reference/impact.md: when a change of each field takes effect, and where that is known from. */
void pm_impact_docs(struct pm_buf *out);

/** What `explain Pod.spec.rootfs.size` says; also "Pod", "Pod.spec.resources", "Config.sync.interval".
 * -PM_E_USAGE with a near name when there is no such thing. */
int pm_explain(const char *path, struct pm_buf *out, struct pm_error *err) PM_CHECK;

/** Every complete path that pm_explain takes, one a line: for completion. */
void pm_explain_paths(struct pm_buf *out);

#endif
