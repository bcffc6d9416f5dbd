/*
 * A map that is pinned by its name, so that other objects use it too:
 * pinned_other.bpf.c does. Counts packets by length, and drops from the third
 * of a length on.
 */
#include "../packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} lengths SEC(".maps");

static __always_inline int count(struct xdp_md *ctx, __u64 most)
{
	__u32 length = ctx->data_end - ctx->data;
	__u64 one = 1, *n = bpf_map_lookup_elem(&lengths, &length);

	if (!n) {
		bpf_map_update_elem(&lengths, &length, &one, BPF_ANY);
		return XDP_PASS;
	}
	return ++*n > most ? XDP_DROP : XDP_PASS;
}

#ifndef OTHER
SEC("xdp")
int pinned(struct xdp_md *ctx)
{
	return count(ctx, 2);
}

char LICENSE[] SEC("license") = "GPL";
#endif
