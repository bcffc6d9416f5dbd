#!/usr/bin/env bash
# Rebuilds all objects under programs/, bench/ and verifier/ from their C sources. The same compilers give the same bytes.
#
#   pcaps/build.sh            build
#   pcaps/build.sh --check    build into a temporary folder and compare with what is committed
#   pcaps/build.sh --kernel   offer every object to the kernel's verifier (root; needs bpffs), build nothing
#
# Debian: clang-19 llvm-19 clang-13 clang-14 clang-16 gcc-bpf libbpf-dev linux-libc-dev bpftool
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/programs"
export LC_ALL=C SOURCE_DATE_EPOCH=0

include=/usr/include/$(uname -m)-linux-gnu
out=.
bench=../bench # seen from $out
verifier=../verifier
strip=llvm-strip-19

# compile CLANG SOURCE OBJECT FLAGS...: with BTF, without DWARF and without any path of this machine
compile() {
    local clang=$1 source=$2 object=$out/$3
    shift 3
    mkdir -p "$(dirname "$object")"
    "$clang" -target bpf -O2 -g -Wall -Werror -I"$include" "-ffile-prefix-map=$PWD=." -fdebug-compilation-dir=. \
        "$@" -c "$source" -o "$object"
    "$strip" -g "$object"
}

build() {
    local source name cpu

    # one object per source, for -mcpu=v3
    for source in *.bpf.c; do
        compile clang-19 "$source" "${source%.c}.o" -mcpu=v3
    done

    # the same sources for other instruction sets: the results must be the same
    for cpu in v1 v2 v4; do
        for name in alu parser; do compile clang-19 $name.bpf.c $name-$cpu.bpf.o -mcpu=$cpu; done
    done
    for cpu in v1 v4; do
        for name in calls firewall flows nat trim; do compile clang-19 $name.bpf.c $name-$cpu.bpf.o -mcpu=$cpu; done
    done
    compile clang-19 checksum.bpf.c checksum-v4.bpf.o -mcpu=v4

    # ../bench/: what the benchmark measures
    for source in ../bench/*.bpf.c; do
        name=${source##*/}
        compile clang-19 "$source" "$bench/${name%.c}.o" -mcpu=v3
    done

    # ../verifier/: cases for the verifier that need types
    for source in ../verifier/*.bpf.c; do
        name=${source##*/}
        compile clang-19 "$source" "$verifier/${name%.c}.o" -mcpu=v3
    done

    # features/: what an object can have beyond that
    for source in features/*.bpf.c; do
        cpu=v3
        [ "$source" != features/asm_v4.bpf.c ] || cpu=v4
        compile clang-19 "$source" "${source%.c}.o" -mcpu=$cpu
    done
    bpftool gen object "$out/features/linked.bpf.o" "$out/features/linked_main.bpf.o" "$out/features/linked_other.bpf.o"

    # apps/: programs in the size and manner of what people ship
    for source in apps/*.bpf.c; do
        compile clang-19 "$source" "${source%.c}.o" -mcpu=v3
    done

    # legacy/: what older compilers made of the same sources
    local version
    for version in 13 14 16; do
        for name in hello parser firewall calls tail_calls; do
            compile clang-$version $name.bpf.c legacy/$name.clang-$version.bpf.o -mcpu=v3
        done
    done
    # map entries of 20 and of 28 bytes, no BTF, arbitrary section names
    local old=(-target bpf -O2 -Wall -I"$include")
    clang-14 "${old[@]}" -DOLD_MAP_BYTES=20 -DOLD_SECTION='"xdp1"' -c legacy/old_maps.bpf.c -o "$out/legacy/old_maps-20.bpf.o"
    clang-14 "${old[@]}" -DOLD_MAP_BYTES=28 -DOLD_SECTION='"prog"' -c legacy/old_maps.bpf.c -o "$out/legacy/old_maps-28.bpf.o"
    clang-14 "${old[@]}" -c legacy/iproute2.bpf.c -o "$out/legacy/iproute2.bpf.o"
    # what Rust's aya leaves: such maps beside BTF
    compile clang-19 legacy/aya_like.bpf.c legacy/aya_like.bpf.o -mcpu=v3
    # function symbols without a type, as the first compilers left them
    clang-14 "${old[@]}" -DOLD_MAP_BYTES=20 -DOLD_SECTION='"xdp1"' -S legacy/old_maps.bpf.c -o - |
        sed '/^[[:space:]]*\.\(type\|size\|addrsig\|addrsig_sym\)\b/d' |
        clang-14 -target bpf -x assembler -c - -o "$out/legacy/old_maps-untyped.bpf.o"
    # another compiler, without BTF (it would name the whole path of the source)
    for name in hello drop_udp_port echo_tx; do
        bpf-gcc -O2 -mcpu=v3 -I"$include" -I/usr/include -c $name.bpf.c -o "$out/legacy/$name.gcc-12.bpf.o"
    done
}

no_paths() {
    local bad
    bad=$(cd "$out" && find . "$bench" "$verifier" -name '*.o' -exec sh -c 'strings -f "$@" | grep -E "[ .]/(root|home|work|tmp|build|usr)/"' - {} + || true)
    [ -z "$bad" ] || { echo "paths of this machine in objects:"; echo "$bad"; exit 1; }
}

case ${1-} in
--check)
    out=$(mktemp -d)
    bench=bench verifier=verifier
    trap 'rm -rf "$out"' EXIT
    build
    no_paths
    bad=0
    for object in $(cd "$out" && find . -name '*.o' | sort); do
        committed=programs/${object#./}
        [[ $object != ./bench/* && $object != ./verifier/* ]] || committed=${object#./}
        cmp -s "../$committed" "$out/$object" || { echo "differs: $committed"; bad=1; }
    done
    [ $bad = 0 ] && echo "all objects are as committed"
    exit $bad
    ;;
--kernel)
    pin=/sys/fs/bpf/pcaps-check
    for object in $(find . -name '*.o' | sort); do
        rm -rf $pin
        if log=$(bpftool prog loadall "$object" $pin 2>&1); then
            echo "accepted  ${object#./}: $(ls $pin | xargs)"
        else
            echo "refused   ${object#./}: $(echo "$log" | grep -m1 -vE '^Error|elf: skipping' || echo "$log" | head -1)"
        fi
    done
    rm -rf $pin
    ;;
*)
    build
    no_paths
    ;;
esac
