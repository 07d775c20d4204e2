#!/usr/bin/env python3
"""Second verifier of Keyturn evidence packages, written from the formats and not from the first one.

Needs Python 3.9 and nothing else: Ed25519 verification (RFC 8032) is below. Exit codes: 0 sound, 1 deviations,
2 not a package or not signed by the given key, 64 wrong arguments.
"""
import argparse, base64, hashlib, json, os, re, struct, sys, unicodedata, zipfile

MAX_FILES, MAX_LEAF, MAX_LEAVES, MAX_FILE = 65000, 16384, 100_000, 500_000_000

KNOWN = ["checkpoint", "consistency", "openings.json", "population.json", "sla.json", "summary.html",
         "timestamp.checkpoint", "timestamp.tsr", "timestamp.consistency"]

class Refused(Exception): pass

def need(condition, reason):
    if not condition: raise Refused(reason)

# --- Ed25519 (RFC 8032, section 6, verification only)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)

def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P: x = x * I % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    return x if x & 1 == sign else P - x

def decompress(raw):
    number = int.from_bytes(raw, "little")
    y, sign = number & (2**255 - 1), number >> 255
    x = recover_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

def multiply(n, p):
    q = (0, 1, 1, 0)
    while n:
        if n & 1: q = add(q, p)
        p, n = add(p, p), n >> 1
    return q

BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)

def ed25519_ok(public, message, signature):
    a, r, s = decompress(public), decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or len(signature) != 64:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0

# --- Formats
def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def unbase64(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError: raise Refused("something is not base64")
    need(base64.b64encode(raw).decode() == text, "something is not base64 as it is written by everybody")
    return raw

class Key:
    def __init__(self, vkey):
        parts = vkey.strip().split("+", 2)
        need(len(parts) == 3, "a verifier key is name+key id+base64")
        raw = unbase64(parts[2])
        need(len(raw) == 33 and raw[0] == 1, "the key is not an Ed25519 key of a log")
        self.name, self.public, self.id = parts[0], raw[1:], sha(parts[0].encode(), b"\n", raw)[:4]
        need(self.id.hex() == parts[1], "the key id does not fit its key")

def checkpoint(note, key):
    """(size, root) of a signed note."""
    need("\n\n" in note and note.endswith("\n"), "the checkpoint is not a signed note")
    text, _, signatures = note.rpartition("\n\n")
    text, found = text + "\n", False
    for line in signatures.splitlines():
        need(re.fullmatch("\u2014 [^ +]+ [^ ]+", line), "a signature line is not: dash, name, base64")
        name, raw = line.split(" ")[1], unbase64(line.split(" ")[2])
        if name == key.name and raw[:4] == key.id:
            need(not found and ed25519_ok(key.public, text.encode(), raw[4:]), "the signature does not fit the checkpoint")
            found = True
    need(found, "the given key has not signed the checkpoint")
    lines = text.split("\n")
    need(len(lines) >= 4 and lines[0] == key.name, "the checkpoint is of another log")
    need(re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]), "the checkpoint's size is no number")
    root = unbase64(lines[2])
    need(len(root) == 32, "the checkpoint's root has not 32 bytes")
    return int(lines[1]), root

def included(index, size, leaf, path, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size: return False
    node, last, value = index, size - 1, leaf
    for other in path:
        if last == 0: return False
        if node & 1 or node == last:
            value = sha(b"\x01", other, value)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            value = sha(b"\x01", value, other)
        node, last = node >> 1, last >> 1
    return last == 0 and value == root

def consistent(old, new, old_root, new_root, path):
    """RFC 9162, section 2.1.4.2."""
    if old == new: return not path and old_root == new_root
    path = ([old_root] if old & (old - 1) == 0 else []) + path
    if not path: return False
    node, last = old - 1, new - 1
    while node & 1: node, last = node >> 1, last >> 1
    a = b = path[0]
    for other in path[1:]:
        if last == 0: return False
        if node & 1 or node == last:
            a, b = sha(b"\x01", other, a), sha(b"\x01", other, b)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            b = sha(b"\x01", b, other)
        node, last = node >> 1, last >> 1
    return last == 0 and a == old_root and b == new_root

def canonical(value):
    if isinstance(value, dict):
        need(all(isinstance(k, str) for k in value), "a key is no text")
        pairs = sorted(value.items(), key=lambda p: p[0].encode("utf-16-be"))
        return "{" + ",".join(canonical(k) + ":" + canonical(v) for k, v in pairs) + "}"
    if isinstance(value, list): return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str): return json.dumps(unicodedata.normalize("NFC", value), ensure_ascii=False)
    need(value is None or isinstance(value, bool) or isinstance(value, int) and abs(value) < 2**53, "a number is no integer")
    return json.dumps(value)

def parse(raw, what):
    try:
        value = json.loads(raw.decode("utf-8"))
        need(canonical(value).encode() == raw, f"{what} is not canonical JSON")
    except (ValueError, RecursionError):
        raise Refused(f"{what} is not canonical JSON")
    return value

def read_files(path):
    try:
        need(os.path.getsize(path) <= MAX_FILE, "the package is too large")
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            file.seek(-22, 2)
            end, entries, place = struct.unpack("<4s4H2LH", file.read(22)), archive.infolist(), 0
            need(end[0] == b"PK\5\6" and end[1:3] == (0, 0) and end[3] == end[4] == len(entries) and end[7] == 0
                 and len(entries) <= MAX_FILES, "the directory does not fit the file")
            need(len({e.filename for e in entries}) == len(entries), "a file is there twice")
            for entry in entries:
                need(entry.compress_type == 0 and not entry.flag_bits & ~0x800 and not entry.extra, "a file is not just stored")
                need(entry.header_offset == place, "there is something between two files")
                place += 30 + len(entry.filename) + entry.file_size
                parts = entry.filename.split("/")
                need(all(re.fullmatch("[A-Za-z0-9_-][A-Za-z0-9._-]*", p) for p in parts), "a name is not plain")
            need(place == end[6], "there is something before the directory")
            return {e.filename: archive.read(e) for e in entries}
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError, struct.error):
        raise Refused("this is not a package")

def read_case(files, name):
    need(f"{name}.leaves" in files and f"{name}.proofs" in files, f"{name} is not there")
    raw, leaves, at = files[f"{name}.leaves"], [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at:at + 2], "big")
        need(at + 2 + size <= len(raw), f"{name}.leaves ends too early")
        leaves.append(raw[at + 2:at + 2 + size])
        at += 2 + size
        need(len(leaves) <= MAX_LEAVES, f"{name} has too many leaves")
    proofs = []
    for block in files[f"{name}.proofs"].decode("ascii", "replace").split("\n\n")[:-1]:
        lines = block.split("\n")
        need(re.fullmatch("index (0|[1-9][0-9]{0,18})", lines[0]) and len(lines) <= 64, f"{name}.proofs is damaged")
        proofs.append((int(lines[0][6:]), [unbase64(line) for line in lines[1:]]))
    need(leaves and len(leaves) == len(proofs), f"{name} has not as many proofs as leaves")
    return leaves, proofs

def verify(path, key, since):
    bad, files = [], read_files(path)
    need("manifest.json" in files, "there is no manifest.json")
    manifest = parse(files["manifest.json"], "manifest.json")
    need(manifest.get("format") == "keyturn-evidence-package/1", "the format is not known")
    need(set(manifest["files"]) == set(files) - {"manifest.json"}, "the manifest names other files")
    need(len(set(manifest["cases"])) == len(manifest["cases"]) > 0, "there is no case, or one twice")
    known = [f"cases/{c}.{kind}" for c in manifest["cases"] for kind in ("leaves", "proofs")] + KNOWN
    need(all(name in known or name.startswith("artefacts/") for name in manifest["files"]), "a file does not belong here")
    for name, digest in manifest["files"].items():
        need(hashlib.sha256(files[name]).hexdigest() == digest, f"{name} is not the file that the manifest names")
    need(not files.get("summary.html", b"").decode("utf-8", "replace").count("\ufffd"), "summary.html is not UTF-8")
    size, root = checkpoint(files["checkpoint"].decode("utf-8", "replace"), key)
    if since:
        old, old_root = since
        lines = files.get("consistency", b"").decode("ascii", "replace").split("\n")
        claim = [unbase64(line) for line in lines[1:] if line]
        if old > size or old == size and root != old_root:
            bad.append("consistency: the log does not extend the earlier checkpoint")
        elif 0 < old < size and (lines[0] != f"old {old}" or not consistent(old, size, old_root, root, claim)):
            bad.append("consistency: the log does not extend the earlier checkpoint")
    seen, cases, count = set(), {}, 0
    for case in manifest["cases"]:
        leaves, proofs = read_case(files, f"cases/{case}")
        before, last, cases[case] = "", 0, []
        for number, (raw, (index, path_hashes)) in enumerate(zip(leaves, proofs), 1):
            count += 1
            place, leaf_hash = f"case {case} leaf {number}", sha(b"\x00", raw)
            if index in seen or not included(index, size, leaf_hash, path_hashes, root):
                bad.append(f"inclusion: {place}: not leaf {index} of the log, or there twice")
            seen.add(index)
            try:
                leaf = parse(raw, place)
                ok = len(raw) <= MAX_LEAF and leaf["case"] == case and leaf["cs"] == number and leaf["v"] == 1
                if not ok or leaf["prev"] != before or leaf["at"] < last: bad.append(f"order: {place}: it does not follow")
                last = leaf["at"]
                cases[case].append(leaf)
            except (Refused, KeyError, TypeError) as error:
                bad.append(f"leaf: {place}: {error}")
            before = base64.b64encode(leaf_hash).decode()
    for opening in parse(files["openings.json"], "openings.json") if "openings.json" in files else []:
        value, field = opening["value"].encode(), opening["field"]
        made = sha(b"keyturn-evidence/commit/v1\0", field.encode(), b"\0", unbase64(opening["nonce"]),
                   len(value).to_bytes(4, "big"), value).hex()
        leaf = next((x for x in cases.get(opening["case"], []) if x["cs"] == opening["cs"]), {})
        if leaf.get("pd", {}).get(field) != made: bad.append(f"commitment: case {opening['case']} leaf {opening['cs']}: {field} is not what was committed to")
    rules(cases, bad)
    return size, count, bad

PROOFS = {"verified": {"negative_control", "login", "identity"}, "rights_equal": {"rights"}, "old_refused": {"old_refused"},
          "published": {"negative_control", "login", "identity", "rights"}, "residue_zero": {"residue"}}

def rules(cases, bad):
    """Nobody approves their own; approval before permit before effect; proof before a state that claims it."""
    granted = {}
    for case, leaves in cases.items():
        digest = None
        for leaf in leaves:
            d = leaf["d"]
            if leaf["t"] == "request.submitted": digest = d.get("digest")
            deciders, askers = {leaf["actor"], d.get("acting_for")}, {d.get("requester"), d.get("beneficiary")}
            if leaf["t"] == "approval.decided" and deciders & askers - {None}:
                bad.append(f"separation: case {case}: requester or beneficiary approved")
            if leaf["t"] in ("approval.decided", "authorization.granted") and d.get("digest") != digest:
                bad.append(f"approval: case {case}: another digest than was submitted")
            if leaf["t"] == "authorization.granted":
                granted[d.get("authorization")] = (leaf["at"], d.get("until") or 2**60, d.get("actions", []))
    for case, leaves in cases.items():
        if leaves and leaves[0]["t"] != "rotation.opened": continue
        state, passed, intents = "planned", set(), set()
        for leaf in leaves[1:]:
            d, place = leaf["d"], f"case {case} leaf {leaf['cs']}"
            for effect in d.get("effects", []):
                if effect[0] not in intents: bad.append(f"effect: {place}: no permitted intent before it")
            for kind, result, _, _ in d.get("proofs", []):
                (passed.add if result == "passed" else passed.discard)(kind)
            if d.get("moves") and d.get("from") != state: bad.append(f"order: {place}: it goes on from another state")
            for state, _ in d.get("moves", []):
                if PROOFS.get(state, set()) - passed: bad.append(f"verification: {place}: {state} without proof")
                if (state, d["action"]) == ("abandoned", "revoke") and (len(d.get("waiver", {}).get("digest", "")) != 64
                    or len(leaf["actor"]) != 36 or leaf["actor"] == leaves[0]["actor"]): bad.append(f"waiver: {place}: none")
            if "intent" in d:
                intents.add(d["intent"]["effect"])
                if d["intent"]["verb"] == "set_secret": passed = set()
                start, end, actions = granted.get(d["intent"]["authorization"], (2**60, 0, []))
                if not start <= leaf["at"] < end or d["action"] not in actions:
                    bad.append(f"permit: {place}: not authorized at that time")

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package")
    parser.add_argument("--key", required=True, help="the log's verifier key")
    parser.add_argument("--since", help="a checkpoint file that you kept")
    parser.error = lambda message: (print(message), sys.exit(64))
    arguments = parser.parse_args()
    try:
        key, since = Key(arguments.key), arguments.since and checkpoint(open(arguments.since).read(), Key(arguments.key))
    except (Refused, OSError, ValueError) as error:
        print(f"refused: {error}")
        return 64
    try:
        size, count, bad = verify(arguments.package, key, since)
    except (Refused, KeyError, TypeError, ValueError, AttributeError) as error:
        print(f"refused: {error}")
        return 2
    print("".join(f"DEVIATION {line}\n" for line in bad), end="")
    print(f"{count} leaves of a log of {size}: " + (f"{len(bad)} deviations" if bad else "sound"))
    return 1 if bad else 0
if __name__ == "__main__":
    sys.exit(main())
