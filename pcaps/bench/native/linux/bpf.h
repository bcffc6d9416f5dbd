/*
 * For compiling the programs of this folder as ordinary native code, to measure what clang -O2 makes of the same C: what
 * they use of linux/bpf.h, with real pointers in the context.
 */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;

enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };

enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2 };

struct xdp_md {
	unsigned long data;
	unsigned long data_end;
};
