#!/usr/bin/env python3
"""Runs the programs of an object over captures in the kernel (BPF_PROG_TEST_RUN) and writes down what comes out.

    golden.py OBJECT CAPTURE_FOLDER CAPTURE...      JSON on standard output

pcaps/README.md describes the format. Needs root and libbpf.so.1; reads classic captures of Ethernet only.
"""

import ctypes as c
import errno
import hashlib
import json
import os
import re
import struct
import sys

SHORTEST, LONGEST = 14, 3520  # what the kernel runs in one linear piece
ACTIONS = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"]
HASH, ARRAY, PERCPU_HASH, PERCPU_ARRAY = 1, 2, 5, 6
SHOWN_CHARS = 400  # maps that need more are given by their hash alone
TRACING = "/sys/kernel/tracing/"
XDP = 6

# what of a program's results does not depend on the time, on chance, on the kernel's version
VERDICTS_ONLY = {"gaps", "core", "externs", "map_types"}
NOT_REPEATABLE = {"sample", "rate_limit"}

lib = c.CDLL("libbpf.so.1", use_errno=True)
for name, result, args in (
    ("bpf_object__open_file", c.c_void_p, [c.c_char_p, c.c_void_p]),
    ("bpf_object__load", c.c_int, [c.c_void_p]),
    ("bpf_object__close", None, [c.c_void_p]),
    ("bpf_object__next_program", c.c_void_p, [c.c_void_p, c.c_void_p]),
    ("bpf_object__next_map", c.c_void_p, [c.c_void_p, c.c_void_p]),
    ("bpf_program__name", c.c_char_p, [c.c_void_p]),
    ("bpf_program__section_name", c.c_char_p, [c.c_void_p]),
    ("bpf_program__fd", c.c_int, [c.c_void_p]),
    ("bpf_program__set_type", c.c_int, [c.c_void_p, c.c_int]),
    ("bpf_map__name", c.c_char_p, [c.c_void_p]),
    ("bpf_map__fd", c.c_int, [c.c_void_p]),
    ("bpf_map__type", c.c_int, [c.c_void_p]),
    ("bpf_map__key_size", c.c_uint32, [c.c_void_p]),
    ("bpf_map__value_size", c.c_uint32, [c.c_void_p]),
    ("bpf_map__max_entries", c.c_uint32, [c.c_void_p]),
    ("bpf_map__is_internal", c.c_bool, [c.c_void_p]),
    ("bpf_map_lookup_elem", c.c_int, [c.c_int, c.c_void_p, c.c_void_p]),
    ("bpf_map_get_next_key", c.c_int, [c.c_int, c.c_void_p, c.c_void_p]),
    ("bpf_prog_test_run_opts", c.c_int, [c.c_int, c.c_void_p]),
    ("libbpf_num_possible_cpus", c.c_int, []),
    ("libbpf_set_print", c.c_void_p, [c.c_void_p]),
):
    function = getattr(lib, name)
    function.restype, function.argtypes = result, args


class TestRun(c.Structure):
    _fields_ = [("sz", c.c_size_t), ("data_in", c.c_char_p), ("data_out", c.c_void_p), ("data_size_in", c.c_uint32),
                ("data_size_out", c.c_uint32), ("ctx_in", c.c_void_p), ("ctx_out", c.c_void_p),
                ("ctx_size_in", c.c_uint32), ("ctx_size_out", c.c_uint32), ("retval", c.c_uint32), ("repeat", c.c_int),
                ("duration", c.c_uint32), ("flags", c.c_uint32), ("cpu", c.c_uint32), ("batch_size", c.c_uint32)]


def read_pcap(path):
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    if struct.unpack_from(order + "I", data)[0] not in (0xA1B2C3D4, 0xA1B23C4D):
        raise SystemExit(f"{path}: not a classic capture")
    if struct.unpack_from(order + "I", data, 20)[0] != 1:
        raise SystemExit(f"{path}: not Ethernet")
    at, packets = 24, []
    while at < len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        packets.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return packets


def programs_of(obj):
    p = lib.bpf_object__next_program(obj, None)
    while p:
        yield p
        p = lib.bpf_object__next_program(obj, p)


def maps_of(obj):
    m = lib.bpf_object__next_map(obj, None)
    while m:
        yield m
        m = lib.bpf_object__next_map(obj, m)


def load(path):
    obj = lib.bpf_object__open_file(path.encode(), None)
    if not obj:
        raise SystemExit(f"{path}: cannot open: {os.strerror(c.get_errno())}")
    for p in programs_of(obj):
        if not lib.bpf_program__section_name(p).startswith(b"xdp"):
            lib.bpf_program__set_type(p, XDP)
    if lib.bpf_object__load(obj):
        raise SystemExit(f"{path}: cannot load")
    return obj


def entries(m):
    """(key, value) as bytes: arrays by index, hashes by key. Of per-CPU maps, CPU 0, and the others must be empty."""
    fd, kind = lib.bpf_map__fd(m), lib.bpf_map__type(m)
    key_size, value_size = lib.bpf_map__key_size(m), lib.bpf_map__value_size(m)
    percpu = kind in (PERCPU_HASH, PERCPU_ARRAY)
    slot = (value_size + 7) // 8 * 8
    buffer = c.create_string_buffer(slot * lib.libbpf_num_possible_cpus() if percpu else value_size)
    if kind in (ARRAY, PERCPU_ARRAY):
        keys = [struct.pack("<I", i) for i in range(lib.bpf_map__max_entries(m))]
    else:
        keys, previous, key = [], None, c.create_string_buffer(key_size)
        while lib.bpf_map_get_next_key(fd, previous, key) == 0:
            keys.append(key.raw)
            previous = c.create_string_buffer(key.raw, key_size)
        keys.sort()
    for key in keys:
        if lib.bpf_map_lookup_elem(fd, key, buffer):
            raise SystemExit(f"look-up failed: {os.strerror(c.get_errno())}")
        if percpu and any(buffer.raw[slot:]):
            raise SystemExit("another CPU wrote to a per-CPU map")
        yield key, buffer.raw[:value_size]


def describe_map(m):
    digest, shown, count = hashlib.sha256(), {}, 0
    array = lib.bpf_map__type(m) in (ARRAY, PERCPU_ARRAY)
    for key, value in entries(m):
        digest.update(key + value)
        count += 1
        if not array or any(value):
            shown[str(struct.unpack("<I", key)[0]) if array else key.hex()] = value.hex()
    out = {"entries": count, "sha256": digest.hexdigest()}
    if len(json.dumps(shown)) <= SHOWN_CHARS:
        out["values"] = shown
    return out


def clear_trace():
    with open(TRACING + "buffer_size_kb") as f:
        size = int(f.read().split()[0])
    if size < 1408:  # the kernel keeps it at a few kilobytes until somebody traces
        with open(TRACING + "buffer_size_kb", "w") as f:
            f.write("1408")
    with open(TRACING + "trace", "w"):
        pass


def read_trace():
    lines = []
    with open(TRACING + "trace", encoding="utf-8", errors="replace") as f:
        mark = re.compile(rf"-{os.getpid()} +\[")  # the name before it may not be known yet
        for line in f:
            if "LOST" in line:
                raise SystemExit("trace lines were lost")
            if mark.search(line) and ": bpf_trace_printk: " in line:
                lines.append(line.split(": bpf_trace_printk: ", 1)[1].rstrip("\n"))
    return lines


def run(path, program_name, packets):
    obj = load(path)
    try:
        program = next(p for p in programs_of(obj) if lib.bpf_program__name(p).decode() == program_name)
        out = c.create_string_buffer(1 << 17)
        opts = TestRun(sz=c.sizeof(TestRun), data_out=c.cast(out, c.c_void_p), repeat=1)
        digest, verdicts, skipped, count = hashlib.sha256(), {}, 0, 0
        clear_trace()
        for packet in packets:
            if not SHORTEST <= len(packet) <= LONGEST:
                skipped += 1
                continue
            opts.data_in, opts.data_size_in, opts.data_size_out = packet, len(packet), len(out)
            error = lib.bpf_prog_test_run_opts(lib.bpf_program__fd(program), c.byref(opts))
            while error == -errno.EINTR:
                error = lib.bpf_prog_test_run_opts(lib.bpf_program__fd(program), c.byref(opts))
            if error in (-errno.EINVAL, -524):  # a program that cannot be run by itself
                return None
            if error:
                raise SystemExit(f"{path} {program_name}: {os.strerror(-error)}")
            action = c.c_int32(opts.retval).value
            digest.update(struct.pack("<ii", action, opts.data_size_out))
            digest.update(out.raw[:opts.data_size_out])
            name = ACTIONS[action] if 0 <= action < len(ACTIONS) else str(action)
            verdict = verdicts.setdefault(name, [0, 0])
            verdict[0] += 1
            verdict[1] += len(packet)
            count += 1
        result = {"packets": count, "skipped": skipped, "verdicts": dict(sorted(verdicts.items())),
                  "output_sha256": digest.hexdigest()}
        if program_name in VERDICTS_ONLY:
            return result
        result["maps"] = {}
        for m in maps_of(obj):
            if lib.bpf_map__type(m) in (HASH, ARRAY, PERCPU_HASH, PERCPU_ARRAY):
                name = lib.bpf_map__name(m).decode()
                if lib.bpf_map__is_internal(m):
                    name = name[name.index("."):]
                result["maps"][name] = describe_map(m)
        lines = read_trace()
        if lines:
            text = "".join(line + "\n" for line in lines)
            result["trace"] = {"lines": len(lines), "sha256": hashlib.sha256(text.encode()).hexdigest(),
                               "first": lines[:4]}
        return result
    finally:
        lib.bpf_object__close(obj)


def main():
    path, folder, *captures = sys.argv[1:]
    lib.libbpf_set_print(None)  # "build.sh --kernel" shows what the verifier says
    os.sched_setaffinity(0, {0})
    obj = load(path)
    names = [lib.bpf_program__name(p).decode() for p in programs_of(obj)]
    lib.bpf_object__close(obj)

    packets = {capture: read_pcap(os.path.join(folder, capture)) for capture in captures}
    programs = []
    for name in names:
        if name in NOT_REPEATABLE:
            continue
        results = {capture: run(path, name, packets[capture]) for capture in captures}
        if all(r is None for r in results.values()):
            continue
        lines = [f"      {json.dumps(capture)}: {json.dumps(r, separators=(',', ':'))}" for capture, r in results.items()]
        programs.append(f'    {json.dumps(name)}: {{\n' + ",\n".join(lines) + "\n    }")
    print(f'{{\n  "object": {json.dumps(os.path.basename(path))},\n  "kernel": "{".".join(os.uname().release.split(".")[:2])}",')
    print('  "programs": {\n' + ",\n".join(programs) + "\n  }\n}")


if __name__ == "__main__":
    main()
