#!/usr/bin/env python3
"""Links a desk's files with Splink 4, for the time and quality beside ours: splink_link.py DATA OUT

Reads recordings.csv, ledger.csv, directory.csv in DATA, writes links.csv and mismatches.csv to OUT. Inputs are brought to
one form first, weights are learned without labels, links are the one-to-one assignment of greatest weight with a null
option. Needs `pip install 'splink>=4,<5' scipy`.
"""
import csv, os, re, sys
import duckdb, numpy as np, pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.optimize import linear_sum_assignment
import splink.comparison_library as cl
import splink.comparison_level_library as cll
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

LEAST = 2.0      # bits from which a pair may be a link
SECOND = 8.0     # bits from which a row without a link tells of a linked call once more


def digits(text):
    d = re.sub(r"[^0-9]", "", str(text or ""))
    if d.startswith("86") and len(d) == 13:
        d = d[2:]
    return d.lstrip("0") or None


def unit(text):
    parts = re.findall(r"\d+", str(text or ""))
    return "-".join(parts) if len(parts) >= 2 else None


def seconds(column, zone=8):
    at = pd.to_datetime(column, errors="coerce", utc=True, format="mixed")
    return (at - pd.Timestamp("1970-01-01", tz="UTC")).dt.total_seconds()


def frames(data):
    r = pd.read_csv(data + "/recordings.csv", dtype=str, keep_default_na=False)
    e = pd.read_csv(data + "/ledger.csv", dtype=str, keep_default_na=False)
    d = pd.read_csv(data + "/directory.csv", dtype=str, keep_default_na=False)
    r = r.drop_duplicates("sha256")
    e = e[e["kind"] != "来访"]
    home = {}
    for site, at, numbers in zip(d["site"], d["unit"], d["known_numbers"]):
        for one in numbers.split(";"):
            home.setdefault((site, digits(one)), unit(at))
    out = r["direction"] == "out"
    number = r["from_number"].where(~out, r["to_number"]).map(digits)
    left = pd.DataFrame({
        "unique_id": r["recording_id"], "site": r["site"], "number": number, "call_id": r["call_id"].replace("", None),
        "unit": [home.get(key) for key in zip(r["site"], number)], "person": r["agent"].replace("", None),
        "follow": out.astype(int), "at": seconds(r["answered_at"]), "typed": seconds(r["ended_at"])})
    written = seconds(e["occurred_at"]) - 8 * 3600
    typed = seconds(e["registered_at"])
    right = pd.DataFrame({
        "unique_id": e["entry_id"], "site": e["site"], "number": e["caller_number"].map(digits),
        "call_id": e["call_id"].replace("", None), "unit": e["unit"].map(unit), "person": e["handler"].replace("", None),
        "follow": (e["kind"] == "回访").astype(int), "at": written.fillna(typed), "typed": typed})
    for f in (left, right):
        f["head"] = f["number"].str[:-4].where(f["number"].str.len() >= 7)
        f["tail"] = f["number"].str[-4:].where(f["number"].str.len() >= 4)
        f["day"] = (f["at"] // 86400).astype("Int64")
        f["slot"] = (f["at"] // 1200).astype("Int64")
        f["hour"] = (f["typed"] // 3600).astype("Int64")
    return left, right


def levels(column, edges):
    gap = f"abs({column}_l - {column}_r)"
    return {"output_column_name": column, "comparison_levels": [cll.NullLevel(column)] + [
        cll.CustomLevel(f"{gap} <= {edge}", label_for_charts=f"within {edge} s") for edge in edges] + [cll.ElseLevel()]}


def settings():
    same_site = "l.site = r.site"
    rules = ["l.call_id = r.call_id", "l.number = r.number and abs(l.at - r.at) < 144000",
             "l.head = r.head and l.day = r.day", "l.tail = r.tail and l.day = r.day",
             "l.unit = r.unit and l.day = r.day", "l.slot = r.slot", "l.hour = r.hour"]
    return SettingsCreator(
        link_type="link_only", unique_id_column_name="unique_id", retain_intermediate_calculation_columns=False,
        blocking_rules_to_generate_predictions=[f"{same_site} and {rule}" for rule in rules],
        comparisons=[
            cl.CustomComparison(output_column_name="number", comparison_levels=[
                cll.NullLevel("number"), cll.ExactMatchLevel("number").configure(tf_adjustment_column="number"),
                cll.CustomLevel("number_l[-7:] = number_r[-7:]", label_for_charts="area code"),
                cll.CustomLevel("damerau_levenshtein(number_l, number_r) <= 1", label_for_charts="one digit"),
                cll.CustomLevel("tail_l = tail_r", label_for_charts="tail"), cll.ElseLevel()]),
            cl.CustomComparison(output_column_name="unit", comparison_levels=[cll.NullLevel("unit"), cll.ExactMatchLevel("unit"),
                                         cll.LevenshteinLevel("unit", 1), cll.ElseLevel()]),
            cl.CustomComparison(**levels("at", [90, 300, 900, 3600, 43200])),
            cl.CustomComparison(**levels("typed", [90, 300, 900, 3600, 43200])),
            cl.ExactMatch("person"), cl.ExactMatch("follow"), cl.ExactMatch("call_id")])


def predictions(left, right):
    linker = Linker([left, right], settings(), db_api=DuckDBAPI(duckdb.connect()))
    certain = ["l.site = r.site and l.call_id = r.call_id"]
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.25)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6)
    for rule in (block_on("site", "number", "day"), block_on("site", "call_id"), block_on("site", "unit", "day")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    return linker.inference.predict(threshold_match_weight=-5).as_pandas_dataframe()


def assigned(pairs):
    """rows of the greatest one-to-one assignment, component by component"""
    calls, call = np.unique(pairs["unique_id_l"], return_inverse=True)
    rows, row = np.unique(pairs["unique_id_r"], return_inverse=True)
    weight = pairs["match_weight"].to_numpy() - LEAST
    keep = np.flatnonzero(weight > 0)
    n = len(calls) + len(rows)
    graph = coo_matrix((np.ones(len(keep)), (call[keep], row[keep] + len(calls))), shape=(n, n))
    label = connected_components(graph, directed=False)[1][call[keep]]
    chosen = []
    order = np.argsort(label, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        at = keep[part]
        c, ci = np.unique(call[at], return_inverse=True); r, ri = np.unique(row[at], return_inverse=True)
        cost = np.zeros((len(c), len(r)))
        place = np.full(cost.shape, -1)
        cost[ci, ri] = -weight[at]; place[ci, ri] = at
        for i, j in zip(*linear_sum_assignment(cost)):
            if place[i, j] >= 0:
                chosen.append(place[i, j])
    return chosen


def main():
    data, out = sys.argv[1:3]
    os.makedirs(out, exist_ok=True)
    left, right = frames(data)
    # Which table is the left one is Splink's to say: by its name, in order.
    pairs = predictions(left, right)
    if pairs["unique_id_l"].iloc[0] not in set(left["unique_id"]):
        pairs = pairs.rename(columns={"unique_id_l": "unique_id_r", "unique_id_r": "unique_id_l"})
    links = pairs.iloc[assigned(pairs)]
    links[["unique_id_l", "unique_id_r"]].to_csv(out + "/links.csv", index=False, header=["recording_id", "entry_id"])
    linked_calls, linked_rows = set(links["unique_id_l"]), set(links["unique_id_r"])
    again = pairs[(pairs["match_weight"] >= SECOND) & pairs["unique_id_l"].isin(linked_calls)
                  & ~pairs["unique_id_r"].isin(linked_rows)]
    second = set(again["unique_id_r"])
    with open(out + "/mismatches.csv", "w", newline="") as f:
        w = csv.writer(f); w.writerow(["kind", "recording_id", "entry_id"])
        w.writerows(["unregistered", one, ""] for one in left["unique_id"] if one not in linked_calls)
        w.writerows(["duplicate", "", one] for one in sorted(second))
        w.writerows(["ghost", "", one] for one in right["unique_id"] if one not in linked_rows and one not in second)


if __name__ == "__main__":
    main()
