"""Reads the reports of pve-replay and the list of what may disagree; prints what else does.

A line of the list: FILE NUMBER|* reason. Every line must be needed, so that the list cannot outlive its reasons.
"""
import json
import sys


def allowed(path):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                file, number, reason = line.split(None, 2)
                rows.append({"file": file, "number": number, "reason": reason.strip(), "used": 0})
    return rows


def main():
    rows = allowed(sys.argv[1])
    good, known, bad = {"core": 0, "wider": 0}, 0, 0
    for report in sys.argv[2:]:
        with open(report, encoding="utf-8") as text:
            exchanges = json.load(text)["exchanges"]
        for e in exchanges:
            if e["class"] not in good or not e["levels"]:
                continue
            if all(e["levels"].values()):
                good[e["class"]] += 1
                continue
            row = next((r for r in rows if r["file"] == e["file"] and r["number"] in ("*", str(e["number"]))), None)
            if row:
                row["used"] += 1
                known += 1
                continue
            bad += 1
            for level, where, want, got in e["problems"]:
                print(f"{e['file']} {e['number']} {e['name']} | {e['request']} | {level}{where}: {want} -> {got}")
    for r in rows:
        if not r["used"]:
            print(f"replay.allow: {r['file']} {r['number']} is not needed any more: take it out")
            bad += 1
    print(f"replay: {good['core']} core and {good['wider']} wider exchanges agree, {known} are known not to"
          f" (tests/judges/replay.allow), {bad} findings")
    return bad != 0


sys.exit(main())
