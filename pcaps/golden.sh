#!/usr/bin/env bash
# Writes golden/NAME.json: what the kernel makes of each program on each capture (BPF_PROG_TEST_RUN). Root, and a kernel
# of 6.18 or newer. The format is described in README.md.
#
#   sudo pcaps/golden.sh             all, or the objects that are named
#   sudo pcaps/golden.sh --check     the kernel must still give what is written, also for the other compilations
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export LC_ALL=C

captures=(generated/*.pcap recorded/*.pcap formats/le-micro.pcap formats/snaplen-64.pcap)
cd captures
mapfile -t captures < <(for c in ${captures[*]}; do [ "$c" = recorded/cooked.pcap ] || echo "$c"; done)
cd ..

objects=(actions alu atomics calls checksum clock drop_udp_port echo_tx firewall flows frags globals hello ipip meta nat
    parser percpu_stats proto_counter redirect tail_calls tail_limit trace trim vlan
    features/asm_v4 features/callback features/core features/externs features/linked features/map_types features/multi_buffer
    features/linked_other features/dynptr features/slices)

golden() { # OBJECT
    python3 tools/golden.py "programs/$1.bpf.o" captures "${captures[@]}"
}

if [ "${1-}" = --check ]; then
    bad=0
    for name in "${objects[@]}"; do
        base=$(basename "$name")
        for object in "$name" $(cd programs && ls "$name"-v*.bpf.o legacy/"$base".*.bpf.o 2>/dev/null | sed 's/\.bpf\.o$//'); do
            # gcc puts constants into other sections than clang: of its objects, verdicts and packets only
            cut=/\"object\"/d
            [[ $object != *gcc* ]] || cut+=';s/,"maps".*//'
            if diff -q <(golden "$object" | sed "$cut") <(sed "$cut" "golden/$base.json") >/dev/null; then
                echo "same     $object"
            else
                echo "differs  $object"
                bad=1
            fi
        done
    done
    exit $bad
fi

mkdir -p golden
for name in "${@:-${objects[@]}}"; do
    golden "$name" >"golden/$(basename "$name").json.new"
    mv "golden/$(basename "$name").json.new" "golden/$(basename "$name").json"
done
