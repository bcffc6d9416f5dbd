/*
 * An object for the loader of older iproute2: map entries of 36 bytes, with an
 * id and a pinning, the program in "prog", and a static program in "2/1", which
 * that loader puts into slot 1 of the map whose id is 2.
 */
#include "../packet.h"

struct bpf_elf_map {
	__u32 type;
	__u32 size_key;
	__u32 size_value;
	__u32 max_elem;
	__u32 flags;
	__u32 id;
	__u32 pinning;
	__u32 inner_id;
	__u32 inner_idx;
};

struct bpf_elf_map SEC("maps") counters = {
	.type = BPF_MAP_TYPE_ARRAY,
	.size_key = sizeof(__u32),
	.size_value = sizeof(__u64),
	.max_elem = 2,
	.id = 1,
};

struct bpf_elf_map SEC("maps") jumps = {
	.type = BPF_MAP_TYPE_PROG_ARRAY,
	.size_key = sizeof(__u32),
	.size_value = sizeof(__u32),
	.max_elem = 2,
	.id = 2,
	.pinning = 1,
};

static __always_inline void count(__u32 key)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("2/1") __attribute__((used))
static int big(struct xdp_md *ctx)
{
	count(1);
	return XDP_DROP;
}

SEC("prog")
int prog_main(struct xdp_md *ctx)
{
	count(0);
	if (ctx->data_end - ctx->data > 1000)
		bpf_tail_call(ctx, &jumps, 1);
	return XDP_PASS;
}

char __license[] SEC("license") = "GPL";
